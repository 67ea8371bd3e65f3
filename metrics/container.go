package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// containerFamilies are the metrics of each container of ours, whatever its
// state; they go when the container does.
type containerFamilies struct {
	info, state, stateSince              family
	desiredRunning, ready, settled       family
	started, restarts, failures          family
	exitCode, exitReason, exitAt         family
	backOff, nextTry, operationStartedAt family
	held, heldUntil, rolledBack          family
	probes                               probeFamilies
}

func newContainerFamilies(c *catalog) containerFamilies {
	const name = "container"
	return containerFamilies{
		info: c.gauge("container_info", "What the container is made from and which revision runs; always 1.",
			name, "image", "source", "revision", "running_revision"),
		state:          c.gauge("container_state", "1 for the state the container is in, 0 for the others.", name, "state"),
		stateSince:     c.gauge("container_state_since_timestamp_seconds", "Since when the container is in its state.", name),
		desiredRunning: c.gauge("container_desired_running", "Whether the manifest wants the container to run.", name),
		ready:          c.gauge("container_ready", "Whether the container runs and is ready.", name),
		settled:        c.gauge("container_settled", "Whether nothing is under way or due for the container.", name),

		started:  c.gauge("container_start_time_seconds", "When the process that runs now was started.", name),
		restarts: c.counter("container_restarts_total", "Starts after the first; kept when the daemon restarts.", name),
		failures: c.gauge("container_consecutive_failures", "Ends in a row that count for the delay before the next start.", name),

		exitCode: c.gauge("container_last_exit_code",
			"Exit code of the last run, as an unsigned 32-bit number; missing if it is not known.", name),
		exitReason: c.gauge("container_last_exit_reason",
			"How the last run ended: an NTSTATUS name, Completed, Error, Signal or Unknown, and whether it was asked to; always 1.",
			name, "reason", "asked"),
		exitAt: c.gauge("container_last_exit_timestamp_seconds", "When the last run ended.", name),

		backOff: c.gauge("container_backoff_seconds", "The delay that holds back the next start; 0 if none does.", name),
		nextTry: c.gauge("container_next_try_timestamp_seconds", "When something is tried next; missing if nothing waits.", name),
		operationStartedAt: c.gauge("container_operation_start_time_seconds",
			"When the step that is under way was begun; missing if there is none.", name, "action"),
		probes: newProbeFamilies(c),
		rolledBack: c.gauge("container_rolled_back",
			"Whether an earlier version runs in the place of the one that the manifest asks for.", name),
		held:      c.gauge("container_held", "Whether an operator's hold keeps the container as it is.", name),
		heldUntil: c.gauge("container_held_until_timestamp_seconds", "When the hold ends by itself; missing if it does not, or if there is none.", name),
	}
}

// stateLabels are made once, as the states are few.
var stateLabels = func() (pairs []*dto.LabelPair) {
	for _, s := range ownStates {
		pairs = append(pairs, pair("state", string(s)))
	}
	return pairs
}()

func (f *containerFamilies) send(ch chan<- prometheus.Metric, st *reconcile.ContainerStatus, of owner) {
	f.info.send(ch, 1, of.name, st.Image, st.Source, string(st.Revision), string(st.RunningRevision))
	for i, s := range ownStates {
		f.state.sendOf(ch, number(s == st.State), of.with(stateLabels[i]))
	}
	f.stateSince.sendTimeOf(ch, st.Since, of)
	f.desiredRunning.sendOf(ch, number(st.Desired == manifest.DesiredRunning), of)
	f.ready.sendOf(ch, number(st.Ready), of)
	f.settled.sendOf(ch, number(st.Settled), of)
	f.started.sendTimeOf(ch, st.Started, of)
	f.restarts.sendOf(ch, float64(st.Restarts), of)
	f.failures.sendOf(ch, float64(st.Failures), of)
	f.sendExit(ch, st.LastExit, of)
	f.backOff.sendOf(ch, st.BackOff.Seconds(), of)
	f.nextTry.sendTimeOf(ch, st.NextTry, of)
	f.probes.send(ch, st)
	f.rolledBack.sendOf(ch, number(st.Rollback != nil), of)
	f.held.sendOf(ch, number(st.Hold != nil), of)
	if st.Hold != nil {
		f.heldUntil.sendTimeOf(ch, st.Hold.Until, of)
	}
	if st.Action != "" {
		f.operationStartedAt.sendTime(ch, st.ActionSince, of.name, string(st.Action))
	}
}

func (f *containerFamilies) sendExit(ch chan<- prometheus.Metric, x *reconcile.ExitStatus, of owner) {
	if x == nil {
		return
	}
	if x.Code != nil {
		f.exitCode.sendOf(ch, float64(*x.Code), of)
	}
	f.exitReason.send(ch, 1, of.name, exitReason(x), strconv.FormatBool(x.Asked))
	f.exitAt.sendTimeOf(ch, x.At, of)
}

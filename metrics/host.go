package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// hostFamilies are the metrics of the daemon and its folder as a whole.
type hostFamilies struct {
	scrapeErrors, scrapeDuration family

	started, stopping, workersBusy    family
	containers, foreign               family
	brakeBlocked, brakeSince          family
	brakeShare, brakeMin, brakeEmpty  family
	brakeAllowed, away                family
	manifestValid, problems           family
	sourceInfo, sourceRead, polling   family
	doubt                             family
	listed, listSuccess, storeSuccess family
}

func newHostFamilies(c *catalog) hostFamilies {
	return hostFamilies{
		scrapeErrors: c.gauge("scrape_errors",
			"What is missing from this scrape: 1 if the state is, and the number of running containers without statistics.", "part"),
		scrapeDuration: c.gauge("scrape_duration_seconds", "How long it took to gather each part of this scrape.", "part"),

		started:     c.gauge("started", "Whether the folder and the runtime have both been seen; nothing is done before."),
		stopping:    c.gauge("stopping", "Whether the daemon is ending."),
		workersBusy: c.gauge("workers_busy", "Steps under way, those past their deadline among them."),
		containers:  c.gauge("containers", "Own containers, by state.", "state"),
		foreign:     c.gauge("foreign_containers", "Containers of other owners on this host, which are never touched."),

		brakeBlocked: c.gauge("prune_blocked_containers", "Containers whose removal the prune brake holds back."),
		brakeSince:   c.gauge("prune_blocked_since_timestamp_seconds", "Since when the prune brake holds; missing while it does not."),

		brakeShare:   c.gauge("prune_brake_max_share", "Share of what ran that may be removed within a minute."),
		brakeMin:     c.gauge("prune_brake_min_containers", "Fewer removals than this are not held back for their number."),
		brakeEmpty:   c.gauge("prune_brake_allow_empty", "Whether a folder that asks for nothing any more may remove the last containers."),
		brakeAllowed: c.gauge("prune_allowed_containers", "Containers that the file .allow-prune allows to be removed now."),
		away:         c.gauge("away_containers", "Containers that the folder asks for on other hosts only, by their nodeSelector."),

		manifestValid: c.gauge("manifest_valid",
			"Whether what the file says now is what counts (1), or what it said when it was last good (0).", "file"),
		problems:   c.gauge("manifest_problems", "Problems in all manifest files together."),
		sourceInfo: c.gauge("source_info", "The manifest folder and its source revision; always 1.", "dir", "revision"),
		sourceRead: c.gauge("source_read_timestamp_seconds", "When a change of the manifest folder was last read."),
		polling:    c.gauge("source_polling", "Whether changes are found by looking alone, because the system does not tell of them."),
		doubt:      c.gauge("folder_in_doubt", "Whether something may only seem to be missing from the folder; nothing is removed while so."),

		listed:       c.gauge("last_listing_timestamp_seconds", "When the runtime was last listed with success."),
		listSuccess:  c.gauge("last_listing_successful", "Whether the newest listing of the runtime succeeded."),
		storeSuccess: c.gauge("last_save_successful", "Whether the state could be saved; no step is taken while it cannot."),
	}
}

func (f *hostFamilies) sendScrape(ch chan<- prometheus.Metric, s *snapshot) {
	f.scrapeErrors.sendBool(ch, s.viewErr != nil, "state")
	f.scrapeDuration.send(ch, s.viewTook.Seconds(), "state")
	f.scrapeErrors.send(ch, float64(s.missing), "statistics")
	f.scrapeDuration.send(ch, s.statTook.Seconds(), "statistics")
}

func (f *hostFamilies) send(ch chan<- prometheus.Metric, v *engine.View) {
	f.started.sendBool(ch, v.Started)
	f.stopping.sendBool(ch, v.Stopping)
	f.workersBusy.send(ch, float64(v.Workers))
	f.foreign.send(ch, float64(len(v.Foreign)))
	counts := map[reconcile.State]int{}
	for i := range v.Containers {
		counts[v.Containers[i].State]++
	}
	for _, s := range ownStates {
		f.containers.send(ch, float64(counts[s]), string(s))
	}
	f.brakeBlocked.send(ch, float64(len(v.Brake.Blocked)))
	f.brakeSince.sendTime(ch, v.Brake.Since)
	f.brakeShare.send(ch, v.Brake.Limits.MaxShare)
	f.brakeMin.send(ch, float64(v.Brake.Limits.Min))
	f.brakeEmpty.sendBool(ch, v.Brake.Limits.AllowEmpty)
	f.brakeAllowed.send(ch, float64(len(v.Brake.Permit.Containers)))
	f.away.send(ch, float64(len(v.Away)))
	f.listed.sendTime(ch, v.Synced)
	f.listSuccess.sendBool(ch, v.ListError == "" && !v.Synced.IsZero())
	f.storeSuccess.sendBool(ch, v.SaveError == "")
	f.sendFolder(ch, v)
}

func (f *hostFamilies) sendFolder(ch chan<- prometheus.Metric, v *engine.View) {
	for file, valid := range cleanFiles(v.Files) {
		f.manifestValid.sendBool(ch, valid, file)
	}
	f.problems.send(ch, float64(len(v.Problems)))
	f.doubt.sendBool(ch, v.Doubt != "")
	if v.Source.Dir == "" {
		return // the folder has not been read yet
	}
	f.sourceInfo.send(ch, 1, v.Source.Dir, v.Source.Revision)
	f.sourceRead.sendTime(ch, v.Source.ReadAt)
	f.polling.sendBool(ch, v.Source.Polling != "")
}

// cleanFiles gives each path a valid label. Paths that then read the same
// share one series, which is valid if all of them are.
func cleanFiles(files map[string]bool) map[string]bool {
	out := make(map[string]bool, len(files))
	for path, valid := range files {
		path = clean(path)
		before, twice := out[path]
		out[path] = valid && (before || !twice)
	}
	return out
}

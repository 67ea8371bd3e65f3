package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/control"
)

const topText = `Show what the running containers use: processor time as a share of one processor
(200% are two), memory, processes, and bytes read and written a second. Two looks
are taken, an interval apart. What the driver does not know is shown as "-".`

const topExample = `  hcs-reconcile top
  hcs-reconcile top --watch
  hcs-reconcile top web --interval 10s -o json`

func newTop() *cobra.Command {
	var s settings
	o := topOptions{}
	cmd := &cobra.Command{
		Use:     "top [NAME]",
		Short:   "Show what the containers use",
		Long:    topText,
		Example: topExample,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(o.output, "table", "json"); err != nil {
				return err
			}
			if len(args) == 1 {
				o.name = args[0]
			}
			o.every = max(o.every, shortestInterval)
			return s.top(cmd, o)
		},
		ValidArgsFunction: s.completeName,
	}
	cmd.Flags().BoolVarP(&o.watch, "watch", "w", false, "show it again and again, until Ctrl-C")
	cmd.Flags().DurationVar(&o.every, "interval", time.Second, "time between two looks")
	cmd.Flags().StringVarP(&o.output, "output", "o", "table", "`format`: table or json")
	s.offer(cmd, s.stateGroup())
	return cmd
}

type topOptions struct {
	name, output string
	watch        bool
	every        time.Duration
}

// usage is what one container uses; a field that is nil is not known. It is
// also the shape of -o json, to which fields are only added.
type usage struct {
	Name           string   `json:"name"`
	CPUPercent     *float64 `json:"cpuPercent,omitempty"` // of one processor
	MemoryBytes    *uint64  `json:"memoryBytes,omitempty"`
	Processes      *uint64  `json:"processes,omitempty"`
	ReadPerSecond  *float64 `json:"readBytesPerSecond,omitempty"`
	WritePerSecond *float64 `json:"writeBytesPerSecond,omitempty"`
	Error          string   `json:"error,omitempty"`
}

func (s *settings) top(cmd *cobra.Command, o topOptions) error {
	ctx, stop := untilSignal(cmd.Context())
	defer stop()
	client := control.NewClient(s.stateDir)
	before, err := client.Stats(ctx, o.name)
	if err != nil {
		return err
	}
	look := func(w io.Writer, at screen) error {
		now, err := client.Stats(ctx, o.name)
		for tries := 0; err == nil && tries < mostTries && stale(before, now); tries++ {
			pause(ctx, shortestInterval)
			now, err = client.Stats(ctx, o.name)
		}
		if err != nil {
			return err
		}
		list := usages(before, now)
		if before = now; o.output == "json" {
			return printJSON(w, list)
		}
		return topPage(w, at, list)
	}
	pause(ctx, o.every)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if o.watch {
		return live(ctx, cmd.OutOrStdout(), o.every, look)
	}
	return look(cmd.OutOrStdout(), screenOf(cmd.OutOrStdout()))
}

// mostTries is how often a look is repeated that shows the figures of the one
// before: a driver may keep them for a moment.
const mostTries = 20

func stale(before, now []control.Stats) bool {
	return slices.ContainsFunc(now, func(n control.Stats) bool {
		return !n.At.IsZero() && slices.ContainsFunc(before, func(b control.Stats) bool { return b.Name == n.Name && b.At.Equal(n.At) })
	})
}

// usages compares two looks, and puts what uses most first.
func usages(before, now []control.Stats) []usage {
	list := make([]usage, 0, len(now))
	for _, n := range now {
		u := usage{Name: n.Name, MemoryBytes: n.MemoryBytes, Processes: n.Processes, Error: n.Error}
		i := slices.IndexFunc(before, func(b control.Stats) bool { return b.Name == n.Name })
		if i >= 0 && n.At.After(before[i].At) && !before[i].At.IsZero() {
			u.rates(before[i], n)
		}
		list = append(list, u)
	}
	slices.SortStableFunc(list, func(a, b usage) int {
		share := func(u usage) float64 {
			if u.CPUPercent == nil {
				return -1
			}
			return *u.CPUPercent
		}
		switch x, y := share(a), share(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list
}

// rates are not known for a container that was started anew in between, whose
// figures begin at nothing.
func (u *usage) rates(a, b control.Stats) {
	took := b.At.Sub(a.At).Seconds()
	if a.CPU != nil && b.CPU != nil && *b.CPU >= *a.CPU {
		share := 100 * (*b.CPU - *a.CPU).Seconds() / took
		u.CPUPercent = &share
	}
	perSecond := func(a, b *uint64) *float64 {
		if a == nil || b == nil || *b < *a {
			return nil
		}
		r := float64(*b-*a) / took
		return &r
	}
	u.ReadPerSecond, u.WritePerSecond = perSecond(a.ReadBytes, b.ReadBytes), perSecond(a.WriteBytes, b.WriteBytes)
}

func topPage(w io.Writer, at screen, list []usage) error {
	if len(list) == 0 {
		fmt.Fprintln(w, "No container runs.")
		return nil
	}
	t := table{ink: at.ink, width: at.width, right: []int{1, 2, 3, 4, 5}, spare: []int{3}}
	t.head("NAME", "CPU", "MEMORY", "PROCESSES", "READ/S", "WRITE/S", "")
	for _, u := range list {
		t.add(cell{text: u.Name}, figure(u.CPUPercent, percent), figure(u.MemoryBytes, bytesOf),
			figure(u.Processes, func(n uint64) string { return strconv.FormatUint(n, 10) }),
			figure(u.ReadPerSecond, size), figure(u.WritePerSecond, size), cell{u.Error, red})
	}
	return t.print(w)
}

func percent(f float64) string { return fmt.Sprintf("%.1f%%", f) }

func bytesOf(n uint64) string { return size(float64(n)) }

// figure shows a figure, or that it is not known.
func figure[T any](v *T, show func(T) string) cell {
	if v == nil {
		return cell{"-", dim}
	}
	return cell{text: show(*v)}
}

package driver

import "time"

// Kept is a Driver whose init processes are held by a keeper: a process of its
// own, which outlives the daemon. It is safe for concurrent use, as Driver is.
type Kept interface {
	// Keeper tells how it is with the keeper now.
	Keeper() KeeperFacts
	// KeeperNews delivers the loss and the return of the keeper, as they happen.
	// Entries may be lost where nobody reads. The channel is closed by Close.
	KeeperNews() <-chan KeeperNews
}

// KeeperFacts are what is known of a keeper. The zero value is a keeper that
// nobody has needed yet.
type KeeperFacts struct {
	Up       bool      `json:"up"`
	Needed   bool      `json:"needed"` // there was one, or there should be: not Up is trouble then
	PID      int       `json:"pid,omitempty"`
	Version  string    `json:"version,omitempty"` // of its program, which may be older than the daemon's
	Protocol int       `json:"protocol,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	Restarts uint64    `json:"restarts"`          // how often this daemon has lost it and has one again
	Held     int       `json:"held"`              // running containers that it holds
	Unheld   int       `json:"unheld"`            // running containers without it: exit codes and output may be lost
	Dropped  uint64    `json:"droppedBytes"`      // output that no log took, since the daemon started
	Problem  string    `json:"problem,omitempty"` // why it is not Up
}

// KeeperNews is that a keeper was lost, or is back.
type KeeperNews struct {
	KeeperFacts
	Containers []Ref // that it held when it was lost
}

package reconcile_test

import (
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// TestUnansweredStartIsNoProofOfNothing: a job whose start was not answered may
// have run already, and must not run twice.
func TestUnansweredStartIsNoProofOfNothing(t *testing.T) {
	b := newBench(t)
	b.folder("job: restartPolicy: Never")
	b.list()
	b.do(b.turn().Ops[0])
	op := b.turn().Ops[0] // start: it runs, ends and is forgotten before anybody looks
	b.c.Done(b.now, op, reconcile.Look{Known: true}, driver.ErrTimeout)
	b.now = b.now.Add(time.Hour)
	b.turn()
	if err := b.w.Apply(b.now, driver.Remove, op.Ref, op.Container); err != nil {
		t.Fatal(err)
	}
	b.list()
	b.settle()
	b.expect("create job", "job=Failed")
}

func TestAnsweredFailureOfAStartIsProof(t *testing.T) {
	b := newBench(t)
	b.folder("job: restartPolicy: Never")
	b.list()
	b.do(b.turn().Ops[0])
	op := b.turn().Ops[0]
	b.c.Done(b.now, op, b.look(op.Ref), driver.ErrInvalid) // created, and not started
	b.settle()
	b.pass(time.Second)
	b.expect("create job, start job", "job=Running")
}

// TestFailedUpdateIsRepeated: what is applied is known only after a success.
func TestFailedUpdateIsRepeated(t *testing.T) {
	b := newBench(t)
	b.running("a")
	b.folder("a: logs: {maxFiles: 2}")
	op := b.turn().Ops[0]
	if op.Action != driver.Update {
		t.Fatalf("op %+v", op)
	}
	b.c.Done(b.now, op, b.look(op.Ref), driver.ErrConnectionLost)
	b.folder("a") // back to what was applied before, as far as anybody knows
	b.pass(time.Hour)
	b.list()
	b.settle()
	b.expect("update a", "a=Running")
}

func TestUpdateUnderWayAtACrashIsRepeated(t *testing.T) {
	b := newBench(t)
	b.running("a")
	b.folder("a: logs: {maxFiles: 2}")
	b.turn() // the update is saved as under way, and the daemon dies
	b.boot()
	b.folder("a")
	b.list()
	b.turn()
	b.now = b.now.Add(time.Minute)
	b.list()
	b.settle()
	b.expect("update a", "a=Running")
}

func TestTerminateTakesAMomentAndIsNoFailure(t *testing.T) {
	b := newBench(t)
	b.w.SetBehaviour("a", fake.Behaviour{IgnoresShutdown: true, TerminateTakes: 2 * time.Second})
	b.running("a: terminationGracePeriodSeconds: 1")
	b.folder()
	b.settle()
	b.now = b.now.Add(time.Second)
	op := b.turn().Ops[0]
	b.do(op)
	turn := b.turn()
	for _, ev := range turn.Events {
		if ev.Warning {
			t.Errorf("told as a failure: %+v", ev)
		}
	}
	if len(turn.Ops) != 0 {
		t.Errorf("told again at once: %+v", turn.Ops)
	}
	b.expect("shutdown a, terminate a", "a=Stopping")
	b.pass(3 * time.Second)
	b.expect("remove a", "")
}

func TestTerminateWithoutEndIsStuckAndRepeated(t *testing.T) {
	b := newBench(t)
	b.w.SetBehaviour("a", fake.Behaviour{IgnoresShutdown: true, TerminateTakes: time.Hour})
	b.running("a: terminationGracePeriodSeconds: 0")
	b.folder()
	for range 100 {
		b.pass(100 * time.Millisecond)
	}
	b.expect("shutdown a, terminate a, terminate a, terminate a, terminate a, terminate a", "a=Stuck")
}

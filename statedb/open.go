package statedb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// lockWait is how long Open waits for the lock.
const lockWait = 5 * time.Second

// damage is the cause to set a file aside. Any other error of Open leaves the
// file where it is.
type damage struct{ cause error }

func (d damage) Error() string { return d.cause.Error() }
func (d damage) Unwrap() error { return d.cause }

// Open opens the state at path and locks it against other processes, creating
// file (0600) and folder (0700) if need be. It waits for the lock until ctx
// ends, but no longer than 5 seconds: ErrLocked. A file of a newer schema is
// left as it is: ErrNewer. An older one is copied to path.v<N>.bak and brought
// up to date. A damaged one is renamed to path.corrupt-<now> and the state
// begins anew; see Recovered. One DB per process and path.
func Open(ctx context.Context, path string, now time.Time) (*DB, error) {
	db, err := openLocked(ctx, path, now)
	if err != nil {
		return nil, fmt.Errorf("open state %s: %w", path, err)
	}
	return db, nil
}

func openLocked(ctx context.Context, path string, now time.Time) (*DB, error) {
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	lock, err := acquire(ctx, path+".lock")
	if err != nil {
		return nil, err
	}
	db, err := openOrRecover(ctx, path, now)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	db.lock = lock
	return db, nil
}

func openOrRecover(ctx context.Context, path string, now time.Time) (*DB, error) {
	db, err := openFile(ctx, path)
	var d damage
	if !errors.As(err, &d) {
		return db, err
	}
	kept, err := keepDamaged(path, now)
	if err != nil {
		return nil, err
	}
	if db, err = openFile(ctx, path); err != nil {
		return nil, err
	}
	db.recovered = fmt.Sprintf("the state file was damaged (%v): it is kept as %s, and the state begins anew", d, kept)
	return db, nil
}

// keepDamaged renames the file at path to a name that is not in use.
func keepDamaged(path string, now time.Time) (kept string, err error) {
	base := path + ".corrupt-" + now.UTC().Format("20060102T150405Z")
	for n := 1; ; n++ {
		kept = base
		if n > 1 {
			kept += "-" + strconv.Itoa(n)
		}
		if _, err := os.Lstat(kept); errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err := os.Rename(path, kept); err != nil {
		return "", err
	}
	return kept, syncDir(filepath.Dir(path))
}

// openFile opens the file at path, or a new one. The caller holds the lock.
func openFile(ctx context.Context, path string) (*DB, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return create(ctx, path)
	}
	if err != nil {
		return nil, err
	}
	im, err := inspect(data)
	if err != nil {
		return nil, damage{err}
	}
	version, err := parseVersion(im.version)
	if err != nil {
		return nil, err
	}
	if version < schema {
		if err := backup(path, version, data); err != nil {
			return nil, err
		}
	}
	db, err := openBolt(ctx, path)
	if err != nil {
		return nil, err
	}
	if err := db.prepare(im.oneMeta); err != nil {
		return nil, errors.Join(err, db.closeFiles())
	}
	return db, nil
}

func parseVersion(text []byte) (int, error) {
	version, err := strconv.Atoi(string(text))
	if err != nil || version < 0 {
		return 0, damage{fmt.Errorf("schema version %.20q is no number", text)}
	}
	if version > schema {
		return 0, fmt.Errorf("%w (schema %d, this program knows %d): upgrade the program or move the file away", ErrNewer, version, schema)
	}
	return version, nil
}

// create builds the file under another name, so that path is always a whole one.
func create(ctx context.Context, path string) (*DB, error) {
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	db, err := openBolt(ctx, fresh)
	if err != nil {
		return nil, err
	}
	err = errors.Join(db.bolt.Update(initialise), db.bolt.Close())
	if err != nil {
		return nil, err
	}
	if err := os.Rename(fresh, path); err != nil {
		return nil, err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	return openFile(ctx, path)
}

// initialise makes the empty tables of the current schema.
func initialise(tx *bbolt.Tx) error {
	if err := createTables(tx); err != nil {
		return err
	}
	if err := setVersion(tx, schema); err != nil {
		return err
	}
	return (&book{tx: tx}).close()
}

func createTables(tx *bbolt.Tx) error {
	for _, table := range append(sealedTables(), tableMeta, tableBad) {
		_, err := tx.CreateBucketIfNotExists([]byte(table))
		if errors.Is(err, berrors.ErrIncompatibleValue) {
			return damage{fmt.Errorf("table %s is an entry", table)}
		}
		if err != nil {
			return fmt.Errorf("create table %s: %w", table, err)
		}
	}
	return nil
}

func setVersion(tx *bbolt.Tx, version int) error {
	return tx.Bucket([]byte(tableMeta)).Put([]byte(keyVersion), []byte(strconv.Itoa(version)))
}

func openBolt(ctx context.Context, path string) (*DB, error) {
	db := &DB{}
	options := boltOptions(ctx)
	options.OpenFile = func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
		db.file, err = os.OpenFile(name, flag, mode)
		return db.file, err
	}
	err := db.guardOpen(func() (err error) {
		db.bolt, err = bbolt.Open(path, 0o600, options)
		return err
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, errLocked("")
	}
	return db, err
}

// boltOptions: in BenchmarkOptions no choice of freelist, page size or initial
// map gave a gain above the noise, so bbolt's defaults stand where they matter.
// The freelist is kept on disk, because without it bbolt rebuilds it at each
// opening in a goroutine whose panic nobody can recover. A larger initial map
// would make the file that large on Windows.
func boltOptions(ctx context.Context) *bbolt.Options {
	wait := lockWait
	if end, ok := ctx.Deadline(); ok {
		wait = max(time.Until(end), 2*lockRetry)
	}
	return &bbolt.Options{
		Timeout:      wait,
		FreelistType: bbolt.FreelistMapType,
		NoStatistics: true,
	}
}

// guardOpen is guard for the time of opening, when a failure is damage.
func (db *DB) guardOpen(do func() error) error {
	err := db.guard(do)
	if db.broken.Load() != nil {
		return errors.Join(damage{err}, db.file.Close())
	}
	return err
}

func (db *DB) closeFiles() error {
	if db.broken.Load() != nil {
		return nil
	}
	return db.bolt.Close()
}

// prepare migrates, moves bad entries aside and builds the index.
func (db *DB) prepare(oneMeta bool) error {
	return db.guardOpen(func() (err error) {
		if db.bad, err = migrate(db.bolt, migrations()); err != nil {
			return err
		}
		if oneMeta {
			db.bad = append(db.bad, BadRecord{Bucket: tableMeta, Err: errors.New("one of the two header pages is damaged: the last change may be lost")})
		}
		if err := db.repair(); err != nil {
			return err
		}
		return db.bolt.View(db.reindex)
	})
}

// repair moves bad entries aside and makes the ledger fit the rest. A good
// file is only read.
func (db *DB) repair() error {
	var bad []BadRecord
	var found ledger
	err := db.bolt.View(func(tx *bbolt.Tx) error {
		bad, found = audit(tx)
		return nil
	})
	if err != nil || len(bad) == 0 {
		return err
	}
	db.bad = append(db.bad, bad...)
	return db.bolt.Update(func(tx *bbolt.Tx) error {
		if err := createTables(tx); err != nil {
			return err
		}
		if slices.ContainsFunc(bad, func(r BadRecord) bool { return r.Bucket == tableHistory }) {
			found.Cut = found.Seq
		}
		b := &book{tx: tx, ledger: found}
		if err := each(bad, b.setAside); err != nil {
			return err
		}
		return b.close()
	})
}

package engine

// recall gives the core the versions that it may have to return to. Without
// them nothing breaks: what cannot be returned to is not.
func (l *loop) recall() {
	for _, r := range l.cfg.Saved.Records {
		if r.Good == "" && r.Rollback == nil {
			continue
		}
		kept, err := l.cfg.Store.Specs(r.Name)
		if err != nil {
			l.cfg.Log.Error("versions not read; there is no way back to them", "container", r.Name, "err", err)
			continue
		}
		l.core.Versions(kept)
	}
}

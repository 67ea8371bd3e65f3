package web

// Patterns lists every route.
func Patterns(o Options) []string {
	var all []string
	for _, r := range (&pages{Options: o}).routes() {
		all = append(all, r.pattern)
	}
	return all
}

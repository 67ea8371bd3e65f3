package sim

// probe asks exact questions in a calm world.
func (s *sim) probe() {}

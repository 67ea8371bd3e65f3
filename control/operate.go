package control

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// Done is the answer to an operator whose wish is on disk.
type Done struct {
	Container string `json:"container"`
	By        string `json:"by"` // who asked, as the event of it says
}

func (s *server) restart(r *http.Request) (Done, error) {
	name, by := r.PathValue("name"), askedBy(r.Context())
	return Done{name, by}, s.cfg.Engine.Restart(r.Context(), name, by)
}

func (s *server) retry(r *http.Request) (Done, error) {
	name, by := r.PathValue("name"), askedBy(r.Context())
	return Done{name, by}, s.cfg.Engine.Retry(r.Context(), name, by)
}

func (s *server) hold(r *http.Request) (Done, error) {
	var h HoldRequest
	if err := readBody(r, &h); err != nil {
		return Done{}, err
	}
	name, by := r.PathValue("name"), askedBy(r.Context())
	return Done{name, by}, s.cfg.Engine.Hold(r.Context(), name, reconcile.HoldRequest{Until: h.Until, Reason: h.Reason, By: by})
}

func (s *server) release(r *http.Request) (Done, error) {
	name, by := r.PathValue("name"), askedBy(r.Context())
	return Done{name, by}, s.cfg.Engine.Release(r.Context(), name, by)
}

func (s *server) rollback(r *http.Request) (Done, error) {
	var back RollbackRequest
	if err := readBody(r, &back); err != nil {
		return Done{}, err
	}
	name, by := r.PathValue("name"), askedBy(r.Context())
	return Done{name, by}, s.cfg.Engine.Rollback(r.Context(), name, back.To, by)
}

func (s *server) versions(r *http.Request) ([]engine.Version, error) {
	list, err := s.cfg.Engine.Versions(r.Context(), r.PathValue("name"))
	return append([]engine.Version{}, list...), err
}

func (s *server) confirmPrune(r *http.Request) (Confirmed, error) {
	names, err := s.cfg.Engine.ConfirmPrune(r.Context(), askedBy(r.Context()))
	return Confirmed{Released: append([]string{}, names...)}, err
}

// maxBody bounds what a request may say.
const maxBody = 64 << 10

// readBody reads one JSON value into v; an empty body leaves v as it is.
func readBody(r *http.Request, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil && dec.More() {
		err = errors.New("more than one JSON value")
	}
	if err != nil {
		return badRequest("read body: "+err.Error(), "/v1/openapi.yaml says what is expected")
	}
	return nil
}

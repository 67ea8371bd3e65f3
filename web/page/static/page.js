// The page is whole without this script. It keeps it fresh: the server says
// that something changed, and the same HTML is asked for again; elements that
// differ are replaced. Text is never made into HTML here, and the policy of the
// page would not let it.
'use strict';
(() => {
  const root = document.documentElement;
  const remembered = (set) => {
    try {
      if (set !== undefined) localStorage.setItem('theme', set);
      return localStorage.getItem('theme');
    } catch { return null; } // storage may be forbidden
  };
  const theme = remembered();
  if (theme === 'dark' || theme === 'light') root.dataset.theme = theme;

  const pace = 250, paceHidden = 5000, retryAfter = 3000, patience = 15000;
  const byId = (id) => document.getElementById(id);
  let main, skew = 0, busy = false, again = false, lost = false, due = 0;

  // ---- the clock: ages and countdowns go on between answers

  const ago = (ms) => {
    const s = Math.max(0, Math.round(ms / 1000)), m = Math.floor(s / 60), h = Math.floor(m / 60);
    const two = (n) => String(n).padStart(2, '0');
    if (s < 60) return s + 's';
    if (m < 60) return m + 'm' + two(s % 60) + 's';
    if (h < 48) return h + 'h' + two(m % 60) + 'm';
    return Math.floor(h / 24) + 'd';
  };
  const put = (el, text) => { if (el.textContent !== text) el.textContent = text; };
  const tick = () => {
    const now = Date.now() - skew;
    for (const t of document.querySelectorAll('time[data-ago]')) put(t, ago(now - Date.parse(t.dateTime)));
    for (const t of document.querySelectorAll('time[data-in]')) {
      const left = Date.parse(t.dateTime) - now;
      put(t, left <= 0 ? 'now' : 'in ' + ago(left));
    }
    for (const p of document.querySelectorAll('progress[data-until]')) {
      p.value = Math.min(p.max, Math.max(0, p.max - (Date.parse(p.dataset.until) - now)));
    }
  };

  // ---- fresh HTML

  const get = (url, done, failed) => {
    const x = new XMLHttpRequest();
    x.open('GET', url);
    x.responseType = 'document';
    x.timeout = patience;
    x.onload = () => {
      const doc = x.response;
      if (doc && doc.getElementById('main')) done(doc); else failed();
    };
    x.onerror = x.ontimeout = failed;
    x.send();
  };

  const timeless = (el) => el.outerHTML.replace(/>[^<]*<\/time>/g, '></time>').replace(/(<progress[^>]*) value="[^"]*"/g, '$1');

  // swap puts fresh in the place of old, and the focus back where it was.
  const swap = (old, fresh) => {
    const active = document.activeElement, inside = old.contains(active) && active !== old;
    const scrolled = [...old.querySelectorAll('[tabindex]')].map((e) => [e.scrollLeft, e.scrollTop]);
    const el = document.importNode(fresh, true);
    old.replaceWith(el);
    [...el.querySelectorAll('[tabindex]')].forEach((e, i) => { if (scrolled[i]) [e.scrollLeft, e.scrollTop] = scrolled[i]; });
    if (!inside) return;
    const href = active.getAttribute('href');
    const same = active.id ? byId(active.id) : [...el.querySelectorAll('a')].find((a) => a.getAttribute('href') === href);
    if (same) same.focus({ preventScroll: true });
  };

  const sections = (doc) => {
    for (const fresh of doc.querySelectorAll('[data-live]')) {
      const old = byId(fresh.id);
      if (old && timeless(old) !== timeless(fresh)) swap(old, fresh);
    }
  };

  // place puts a new row where its name belongs.
  const place = (body, row) => {
    const rows = body.rows, name = row.dataset.name;
    let lo = 0, hi = rows.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (rows[mid].dataset.name < name) lo = mid + 1; else hi = mid;
    }
    body.insertBefore(row, rows[lo] || null);
  };

  const rows = (doc, full) => {
    const body = byId('rows'), fresh = doc.getElementById('rows');
    if (!body || !fresh) return;
    const seen = new Set();
    for (const row of [...fresh.rows]) {
      seen.add(row.id);
      const old = byId(row.id);
      if (!old) place(body, document.importNode(row, true));
      else if (!full || timeless(old) !== timeless(row)) swap(old, row); // else only those that changed were sent
    }
    if (full) for (const row of [...body.rows]) if (!seen.has(row.id)) row.remove();
    for (const li of doc.querySelectorAll('#gone li')) byId('r-' + li.textContent)?.remove();
    filter();
  };

  const apply = (doc) => {
    const fresh = doc.getElementById('main');
    skew = Date.now() - Date.parse(fresh.dataset.now);
    document.title = doc.title;
    const icon = byId('icon'), other = doc.getElementById('icon');
    if (other && icon.getAttribute('href') !== other.getAttribute('href')) icon.setAttribute('href', other.getAttribute('href'));
    sections(doc);
    rows(doc, 'full' in fresh.dataset);
    main.dataset.mark = fresh.dataset.mark;
    tick();
    return 'more' in fresh.dataset;
  };

  // pull asks for what is newer than what is shown: one question at a time, so
  // a slow browser asks less often.
  const pull = () => {
    clearTimeout(due);
    if (busy) { again = true; return; }
    busy = true;
    again = false;
    const q = new URLSearchParams(location.search);
    q.set('since', main.dataset.mark);
    const end = (more, wait) => {
      busy = false;
      if (more || again) due = setTimeout(pull, wait);
    };
    get(location.pathname + '?' + q, (doc) => end(apply(doc), document.hidden ? paceHidden : pace), () => end(true, retryAfter));
  };

  const say = (cls, text) => {
    const link = byId('link');
    link.className = 'link ' + cls;
    if (link.textContent !== text) link.textContent = text;
  };

  const watch = () => {
    const events = new EventSource('/page/watch');
    events.onmessage = (e) => {
      lost = false;
      say('live', 'live');
      if (e.data !== main.dataset.mark || !byId('rows')) pull();
    };
    events.onerror = () => {
      if (!lost) say('lost', 'connection lost at ' + new Date(Date.now() - skew).toISOString().slice(11, 19) + ' UTC, trying again');
      lost = true;
      if (events.readyState !== EventSource.CLOSED) return; // it tries again by itself
      setTimeout(watch, retryAfter);
    };
  };

  // ---- finding

  const filter = () => {
    const body = byId('rows');
    if (!body) return;
    const q = new URLSearchParams(location.search), show = q.get('show') || '';
    const words = (q.get('q') || '').toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const row of body.rows) {
      const hide = (show !== '' && row.dataset.level !== show) || words.some((w) => !row.dataset.find.includes(w));
      if (row.hidden !== hide) row.hidden = hide;
      if (!hide) n++;
    }
    put(byId('shown'), show || words.length ? n + ' of ' + body.rows.length + ' shown' : '');
  };

  const seek = (name, value) => {
    const q = new URLSearchParams(location.search);
    if (value) q.set(name, value); else q.delete(name);
    history.replaceState(null, '', location.pathname + (String(q) ? '?' + q : ''));
    filter();
  };

  const finding = () => {
    const form = byId('filter');
    if (!form) return;
    byId('q').addEventListener('input', (e) => seek('q', e.target.value));
    form.addEventListener('submit', (e) => {
      e.preventDefault();
      const chip = e.submitter;
      if (!chip || !chip.classList.contains('chip')) return;
      const on = chip.getAttribute('aria-pressed') !== 'true';
      for (const c of form.querySelectorAll('.chip')) c.setAttribute('aria-pressed', String(on && c === chip));
      seek('show', on ? chip.dataset.level : '');
      pull();
    });
    document.addEventListener('keydown', (e) => {
      if (e.key !== '/' || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName)) return;
      e.preventDefault();
      byId('q').focus();
    });
  };

  const themes = () => {
    const button = byId('theme'), system = matchMedia('(prefers-color-scheme: dark)');
    const dark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : system.matches);
    const label = () => put(button, dark() ? 'Light' : 'Dark');
    button.addEventListener('click', () => {
      root.dataset.theme = dark() ? 'light' : 'dark';
      remembered(root.dataset.theme);
      label();
    });
    system.addEventListener('change', label);
    label();
    button.hidden = false;
  };

  document.addEventListener('DOMContentLoaded', () => {
    main = byId('main');
    skew = Date.now() - Date.parse(main.dataset.now);
    themes();
    finding();
    filter();
    tick();
    setInterval(tick, 1000);
    watch();
    document.addEventListener('visibilitychange', () => { if (!document.hidden && again) pull(); });
  });
})();

"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const tags = data.tags, shots = data.shots, count = shots.length;
  const bytes = Uint8Array.from(atob(data.probabilities), (c) => c.charCodeAt(0));
  // Of each shot and tag 0 to 254; 255 where the report does not say.
  const share = (tag, shot) => { const b = bytes[shot * tags.length + tag]; return b === 255 ? null : b / 254; };
  const clock = (s) => {
    const whole = Math.floor(s + 1e-6), two = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(whole / 3600), rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
    return hours ? `${hours}:${rest}` : rest;
  };
  const tiles = [...document.querySelectorAll(".shot")];
  const film = byId("film");

  // The film that lies beside the page.
  if (film) film.addEventListener("error", () => { film.hidden = true; });
  const go = (shot) => {
    for (const tile of document.querySelectorAll(".shot.here")) tile.classList.remove("here");
    const tile = tiles[shot];
    tile.hidden = false;
    tile.classList.add("here");
    tile.scrollIntoView({ block: "center" });
    tile.focus({ preventScroll: true });
    history.replaceState(null, "", `#s${shot}`);
    if (film && !film.hidden) {
      film.preload = "auto"; // from now on it is wanted
      film.currentTime = shots[shot].start;
    }
  };
  byId("sheet").addEventListener("click", (event) => {
    const see = event.target.closest(".see");
    if (see) go(Number(see.parentNode.dataset.shot));
  });

  // What a person puts right: tags struck and added, in the film and in each shot; `corrections.py` says what it means.
  const slugOf = (tag) => (tag.normalize("NFC").toLowerCase().match(/[\p{L}\p{N}]+/gu) || []).join("-");
  const places = new Map();
  tags.forEach((tag, at) => { for (const name of [slugOf(tag), slugOf(data.slugs[at]), data.slugs[at]]) places.set(name, at); });
  const called = (tag) => places.get(tag) ?? places.get(slugOf(tag));
  const known = (tag) => { const at = called(tag); return at === undefined ? tag : data.slugs[at]; };
  const entry = (from) => ({ struck: new Set((from.struck || []).map(known)), added: new Set((from.added || []).map(known)) });
  const before = data.corrections || {};
  const ofFilm = entry(before), ofShots = new Map(), elsewhere = [];
  for (const one of before.shots || []) {
    const shot = shots.findIndex((other) => other.from <= one.frame && one.frame < other.to);
    if (shot < 0) elsewhere.push(one); else ofShots.set(shot, entry(one));
  }
  const ofShot = (shot) => { if (!ofShots.has(shot)) ofShots.set(shot, entry({})); return ofShots.get(shot); };
  let editing = false, unsaved = false;
  const make = (name, words, content) => Object.assign(document.createElement(name), { className: words, textContent: content });
  const label = (slug) => { const at = called(slug); return at === undefined ? slug : tags[at]; };
  const cross = (slug, struck, from, redraw) => {
    const button = make("button", "strike", struck ? "undo" : "\u2715");
    button.type = "button";
    button.setAttribute("aria-label", `${struck ? "undo" : "\u2715"}: ${label(slug)}`);
    button.addEventListener("click", () => {
      if (from.added.has(slug)) from.added.delete(slug);
      else if (struck) from.struck.delete(slug);
      else from.struck.add(slug);
      changed(redraw);
    });
    return button;
  };
  const add = (field, into, redraw) => {
    const tag = field.value.trim();
    if (!tag || !slugOf(tag)) return;
    into.struck.delete(known(tag));
    into.added.add(known(tag));
    field.value = "";
    changed(redraw);
  };
  const byHand = (from) => [...from.added].map((slug) => {
    const item = make("li", "byhand", ""), name = make("span", "", `${label(slug)} (by hand) `);
    item.append(name);
    if (editing) item.append(cross(slug, false, from, null));
    return item;
  });
  const drawFilm = () => {
    document.querySelectorAll("#ranking tbody tr").forEach((row) => {
      const slug = data.slugs[Number(row.dataset.tag)], struck = ofFilm.struck.has(slug), cell = row.cells[1];
      cell.querySelector(".pick").classList.toggle("struck", struck);
      cell.querySelector(".strike")?.remove();
      if (editing) cell.append(" ", cross(slug, struck, ofFilm, drawFilm));
    });
    byId("added").replaceChildren(...byHand(ofFilm));
  };
  const drawShot = (shot) => {
    const list = tiles[shot].querySelector("ul"), mine = ofShots.get(shot) || entry({});
    list.querySelectorAll(".byhand").forEach((item) => item.remove());
    [...list.children].forEach((item, at) => {
      const slug = data.slugs[shots[shot].first[at]];
      if (slug === undefined) return;
      const struck = mine.struck.has(slug);
      item.firstElementChild.classList.toggle("struck", struck);
      item.querySelector(".strike")?.remove();
      if (editing) item.append(cross(slug, struck, ofShot(shot), () => drawShot(shot)));
    });
    list.append(...byHand(mine));
    const field = tiles[shot].querySelector("input");
    if (!editing) field?.remove();
    else if (!field) {
      const made = make("input", "", "");
      made.setAttribute("list", "known");
      made.setAttribute("aria-label", `Add a tag to shot ${shot}`);
      made.placeholder = "add a tag";
      made.maxLength = 80;
      made.addEventListener("change", () => add(made, ofShot(shot), () => drawShot(shot)));
      list.parentNode.append(made);
    }
  };
  const drawAll = () => { drawFilm(); tiles.forEach((_, shot) => drawShot(shot)); };
  const changed = (redraw) => {
    unsaved = true;
    byId("said").textContent = "not saved yet";
    if (redraw) redraw(); else drawAll();
  };
  const saved = () => {
    const lists = (from) => ({ struck: [...from.struck], added: [...from.added] });
    const right = [...ofShots].filter(([, one]) => one.struck.size + one.added.size)
      .map(([shot, one]) => ({ frame: shots[shot].frame, ...lists(one) })).sort((a, b) => a.frame - b.frame);
    return { schema: "movietags-corrections/1", film: data.film, ...lists(ofFilm), shots: [...elsewhere, ...right] };
  };
  byId("correct").hidden = false;
  byId("mode").addEventListener("click", () => {
    editing = !editing;
    byId("mode").setAttribute("aria-pressed", String(editing));
    for (const part of document.querySelectorAll(".editing")) part.hidden = !editing;
    drawAll();
  });
  byId("add").addEventListener("change", () => add(byId("add"), ofFilm, drawFilm));
  byId("save").addEventListener("click", () => {
    const here = decodeURIComponent(location.pathname.split("/").pop() || "");
    const stem = here.replace(/\.tags\.html$/i, "") || data.name;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(saved(), null, 1) + "\n"], { type: "application/json" }));
    link.download = `${stem}.corrections.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    unsaved = false;
    byId("said").textContent = `saved: put ${link.download} beside the report`;
  });
  window.addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  if (data.corrections) drawAll();

  // Shots with a tag.
  const filter = byId("filter"), choice = byId("tag"), least = byId("least"), dropped = byId("dropped");
  const carries = (tag, shot) => {
    const mine = ofShots.get(shot), slug = data.slugs[tag];
    if (mine && mine.struck.has(slug)) return false;
    if (mine && mine.added.has(slug)) return true;
    if (least.value === "") return shots[shot].first.includes(tag);
    const p = share(tag, shot);
    return p !== null && p >= Number(least.value) - 0.002;
  };
  const show = () => {
    const tag = choice.value === "" ? null : Number(choice.value);
    let shown = 0;
    tiles.forEach((tile, shot) => {
      const fits = (tag === null || carries(tag, shot)) && (dropped.checked || shots[shot].kept);
      tile.hidden = !fits;
      shown += fits;
    });
    byId("count").textContent = `${shown} of ${count} shots`;
    for (const pick of document.querySelectorAll(".pick"))
      pick.setAttribute("aria-pressed", String(Number(pick.dataset.tag) === tag));
  };
  filter.hidden = false;
  filter.addEventListener("input", show);
  filter.addEventListener("submit", (event) => event.preventDefault());
  filter.addEventListener("reset", () => setTimeout(show));
  for (const pick of document.querySelectorAll(".pick"))
    pick.addEventListener("click", () => {
      choice.value = choice.value === pick.dataset.tag ? "" : pick.dataset.tag;
      show();
    });
  show();

  // The first tags, or all.
  const all = byId("all");
  const rows = [...document.querySelectorAll("#ranking tbody tr")];
  let unfolded = !all;
  const fold = () => {
    rows.forEach((row, place) => { row.hidden = !unfolded && place >= data.first; });
    if (all) {
      all.textContent = unfolded ? `Show the first ${data.first} tags` : `Show all ${tags.length} tags`;
      all.setAttribute("aria-expanded", String(unfolded));
    }
    draw();
  };

  // The heat map.
  const map = byId("map"), there = byId("there");
  const ROW = 18, AXIS = 20;
  const CANVAS = 32000; // pixels that a browser draws on, either way
  let at = null; // [tag, shot]
  const shownTags = () => (unfolded ? tags.length : Math.min(data.first, tags.length));
  const labels = () => Math.min(map.clientWidth * 0.35, 150);
  const x = (s) => labels() + (map.clientWidth - labels()) * (data.length ? s / data.length : 0);
  function draw() {
    if (!map) return;
    const wide = map.clientWidth, high = shownTags() * ROW + AXIS;
    const dense = Math.min(window.devicePixelRatio || 1, CANVAS / high, CANVAS / wide);
    if (!map.clientWidth) return;
    map.width = Math.round(wide * dense);
    map.height = Math.round(high * dense);
    map.style.height = `${high}px`;
    const pen = map.getContext("2d"), look = getComputedStyle(document.documentElement);
    const colour = (name) => look.getPropertyValue(name).trim();
    pen.scale(dense, dense);
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    pen.fillStyle = colour("--raised");
    pen.fillRect(labels(), 0, wide - labels(), high - AXIS);
    for (let tag = 0; tag < shownTags(); tag++) {
      pen.globalAlpha = 1;
      pen.fillStyle = colour(data.trained[tag] ? "--text" : "--soft");
      pen.fillText(tags[tag].slice(0, 40), 0, tag * ROW + ROW / 2, labels() - 6);
      pen.fillStyle = colour("--accent");
      for (let shot = 0; shot < count; shot++) {
        const p = share(tag, shot);
        if (!p) continue;
        pen.globalAlpha = Math.sqrt(p);
        const left = x(shots[shot].start);
        pen.fillRect(left, tag * ROW + 1, Math.max(1, x(shots[shot].end) - left - 0.5), ROW - 2);
      }
    }
    pen.globalAlpha = 0.6;
    pen.fillStyle = colour("--line");
    shots.forEach((shot) => {
      if (!shot.kept) pen.fillRect(x(shot.start), 0, Math.max(1, x(shot.end) - x(shot.start)), high - AXIS);
    });
    pen.globalAlpha = 1;
    pen.fillStyle = colour("--soft");
    const marks = Math.max(1, Math.min(8, Math.floor((wide - labels()) / 80)));
    for (let mark = 0; mark <= marks; mark++) {
      const s = (data.length * mark) / marks;
      pen.textAlign = mark === 0 ? "left" : mark === marks ? "right" : "center";
      pen.fillText(clock(s), x(s), high - AXIS / 2);
    }
    pen.textAlign = "left";
    if (at) {
      pen.strokeStyle = colour("--text");
      pen.lineWidth = 2;
      const [tag, shot] = at, left = x(shots[shot].start);
      pen.strokeRect(left - 1, tag * ROW, Math.max(4, x(shots[shot].end) - left) + 2, ROW);
    }
  }
  const place = (event) => {
    const box = map.getBoundingClientRect();
    const s = ((event.clientX - box.left - labels()) / (box.width - labels())) * data.length;
    const tag = Math.floor((event.clientY - box.top) / ROW);
    if (s < 0 || tag < 0 || tag >= shownTags()) return null;
    let shot = shots.findIndex((one) => s < one.end);
    if (shot < 0) shot = count - 1;
    return [tag, shot];
  };
  const point = (found) => {
    at = found;
    if (at) {
      const [tag, shot] = at, p = share(tag, shot), one = shots[shot];
      const said = p === null ? (one.kept ? "not said" : "dropped") : p.toFixed(2);
      there.textContent = `${tags[tag]}: ${said}, ${clock(one.start)} to ${clock(one.end)}, shot ${shot}`;
    }
    draw();
  };
  if (map) {
    byId("timeline").hidden = false;
    map.addEventListener("pointermove", (event) => point(place(event) || at));
    map.addEventListener("click", (event) => { const found = place(event); if (found) { point(found); go(found[1]); } });
    map.addEventListener("keydown", (event) => {
      const [tag, shot] = at || [0, 0];
      const keys = {
        ArrowLeft: [tag, Math.max(0, shot - 1)], ArrowRight: [tag, Math.min(count - 1, shot + 1)],
        ArrowUp: [Math.max(0, tag - 1), shot], ArrowDown: [Math.min(shownTags() - 1, tag + 1), shot],
        Home: [tag, 0], End: [tag, count - 1],
      };
      if (event.key in keys) { event.preventDefault(); point(keys[event.key]); }
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); point([tag, shot]); go(shot); }
    });
    new ResizeObserver(draw).observe(map);
    for (const medium of ["(prefers-color-scheme: dark)", "print"])
      window.matchMedia(medium).addEventListener("change", draw);
  }
  if (all) {
    all.hidden = false;
    all.addEventListener("click", () => { unfolded = !unfolded; at = null; fold(); });
  }
  fold();
})();

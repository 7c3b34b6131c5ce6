// Where a page may run a script: its tables sort, and variants are hidden, highlighted and held
// against any other. What was chosen is in the address, so that a link and a saved file keep it.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const first = (selector, root = document) => root.querySelector(selector);
const builder = (space) => (tag, attributes = {}, ...children) => {
  const made = document.createElementNS(`http://www.w3.org/${space}`, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};
const [make, svg] = [builder("1999/xhtml"), builder("2000/svg")];
const on = (target, kinds, act) => kinds.split(" ").forEach((kind) => target.addEventListener(kind, act));
const button = (text, act, attributes) => {
  const made = make("button", { type: "button", class: "tool", ...attributes }, text);
  on(made, "click", act);
  return made;
};
const names = all("nav .chip").map((chip) => chip.dataset.variant);
const round = (value) => Number(value.toFixed(1));
const minus = (text) => text.replace(/(^|[^\w.])-(?=\d)/g, "$1\u2212");

// State: what the address says.

const plain = (text) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
};
// No name has a comma.
const known = (text) => plain(text ?? "").split(",").filter((name) => names.includes(name));
const declared = first("#held")?.textContent;
const sizes = ["", ...all("#needed thead .number").map((cell) => cell.textContent)];
const state = { against: declared, hide: new Set(), mark: new Set(), size: 0 };

function read() {
  const said = new Map(
    location.hash.slice(1).split("&").filter((part) => part.includes("=")).map((part) => part.split("=")),
  );
  state.against = known(said.get("against"))[0] ?? declared;
  state.hide = new Set(known(said.get("hide")));
  state.mark = new Set(known(said.get("mark")));
  const asked = Number(said.get("size"));
  state.size = sizes[asked] ? asked : 0;
}

function write() {
  const { against, hide, mark, size } = state;
  const said = { against: against === declared ? [] : [against], hide, mark, size: size ? [size] : [] };
  const parts = Object.entries(said)
    .map(([name, values]) => [name, [...values].map(encodeURIComponent).join(",")])
    .filter(([, values]) => values)
    .map((part) => part.join("="));
  try {
    history.replaceState(null, "", parts.length ? `#${parts.join("&")}` : location.pathname + location.search);
  } catch {
    // A page inside another may have no address.
  }
  show();
}

// Against: what the matrix of pairs says of one variant and all others.

const pairs = new Map();
for (const row of all("#pairs tbody tr")) {
  const [variant, other] = [row.cells[0].textContent, row.cells[1].textContent];
  pairs.set(`${variant}\n${other}`, {
    numbers: row.dataset.n.split(" ").map(Number),
    difference: row.cells[2].textContent,
    interval: row.cells[3].textContent,
    verdict: row.cells[5]?.textContent ?? "",
    needed: row.dataset.s?.split(" ") ?? [],
  });
}
const opposite = { better: "worse", worse: "better", above: "below", below: "above" };
const reversed = (text) => text.replace(/better|worse|above|below/, (word) => opposite[word]);
const flipped = (text) => text.replace(/[+\u2212]/g, (sign) => (sign === "+" ? "\u2212" : "+"));

function pair(variant, other) {
  const straight = pairs.get(`${variant}\n${other}`);
  const turned = pairs.get(`${other}\n${variant}`);
  if (straight || !turned) return straight;
  const [difference, low, high, innerLow, innerHigh] = turned.numbers.map((value) => -value);
  const ends = flipped(turned.interval).split(" to ");
  return {
    numbers: [difference, high, low, innerHigh, innerLow],
    difference: flipped(turned.difference),
    interval: ends.length === 2 ? `${ends[1]} to ${ends[0]}` : reversed(ends[0]),
    verdict: reversed(turned.verdict),
    needed: turned.needed,
  };
}

const head = first("th.range");
const rows = new Map(all("#leaderboard tbody[data-variant]").map((body) => [body.dataset.variant, body]));
const out = new Map([...rows].map(([name, body]) => [name, first(".verdict", body)?.textContent === "out"]));
const isPreview = !first("#verdicts .matrix");
const reference = "reference";
const brief = (who) => (who.length > 8 ? [...who.slice(0, 4), `${who.length - 4} others`] : who).join(", ");
const signed = (value) => {
  const { decimals } = head.dataset;
  const size = Math.abs(value);
  return minus(`${value < 0 ? "-" : "+"}${decimals ? size.toFixed(decimals) : size.toPrecision(3)}`);
};

function compare() {
  if (!head) return;
  const held = state.against;
  const others = [...rows.keys()].filter((name) => name !== held && !state.hide.has(name));
  const found = new Map(others.map((name) => [name, pair(name, held)]));
  const reach = others
    .map((name) => (out.get(name) ? undefined : found.get(name)?.numbers))
    .filter((numbers) => numbers && !isNaN(numbers[1]))
    .map(([, low, high]) => [Math.max(Math.abs(low), Math.abs(high)), low, high])
    .sort((a, b) => a[0] - b[0]);
  const near = reach.filter((each) => each[0] <= 4 * reach[Math.floor((reach.length - 1) / 4)][0]);
  const margin = Number(head.dataset.margin);
  let low = Math.min(-1.4 * margin, ...near.map((each) => 1.05 * each[1]));
  let high = Math.max(1.4 * margin, ...near.map((each) => 1.05 * each[2]));
  if (!(low < high)) [low, high] = [-1, 1];
  const [left, right] = head.dataset.lower ? [high, low] : [low, high];
  const place = (value) => 100 * Math.min(1, Math.max(0, (value - left) / (right - left)));
  const piece = (tag, from, to, colour) => {
    const [start, end] = [place(from), place(to)].sort((a, b) => a - b);
    return end > start ? make(tag, { style: `left:${start}%;width:${end - start}%;${colour}` }) : "";
  };
  const ends = all(".scale span", head);
  [ends[0].textContent, ends[4].textContent] = [signed(left), signed(right)];
  first(".scale", head).style.setProperty("--zero", `${place(0)}%`);
  const groups = new Map();
  for (const [name, body] of rows) {
    const own = found.get(name);
    const cell = first("td.range", body);
    const bar = make("div", { class: "bar", "aria-hidden": "true" });
    bar.append(piece("u", -margin, margin, ""), make("s", { style: `left:${place(0)}%` }));
    const verdict = out.get(name) ? "out" : isPreview ? "" : name === held ? reference : (own?.verdict ?? "");
    const [difference, ...ends] = own?.numbers ?? [NaN];
    if (name !== held && !out.get(name) && !out.get(held) && !isNaN(difference)) {
      const colour = `background:${first(".key path", body).style.stroke}`;
      bar.append(piece("i", ends[0], ends[1], colour));
      const share = (difference - left) / (right - left);
      if (share >= 0 && share <= 1) {
        if (!isPreview) bar.append(piece("em", ends[2], ends[3], colour));
        bar.append(make("b", { style: `left:${place(difference)}%;${colour}` }));
      } else bar.append(make("b", { class: share < 0 ? "left" : "right", style: colour.replace("background", "color") }, share < 0 ? "\u25c0" : "\u25b6"));
    }
    const told = own?.difference && !out.get(held) ? `${own.difference} (${own.interval})` : "";
    cell.replaceChildren(bar, make("span", { class: "verdict" }, verdict), " ", make("small", {}, told));
    if (name !== held && !state.hide.has(name)) {
      const word = isPreview && verdict !== "out" ? (own?.difference ?? "") : verdict.split(" at ")[0];
      groups.set(word, [...(groups.get(word) ?? []), name]);
    }
  }
  all("#held, .held").forEach((each) => (each.textContent = held));
  const said = [...groups].map(([word, who]) => `${brief(who)} ${word}`.trim()).join("; ");
  const role = held === declared ? first("#held").dataset.role : "";
  first("#sentence").textContent = out.get(held)
    ? `${held} is out, as seeds diverged: nothing is held against it.`
    : groups.size
      ? `Against ${role}${held}: ${said}.`
      : "All others are hidden.";
  const needed = first("#needed");
  if (!needed) return;
  const body = needed.tBodies[0];
  body.replaceChildren(
    ...names.filter((name) => pair(name, held)?.needed.length).map((name) => {
      const heading = first("th[scope] > span", rows.get(name)).cloneNode(true);
      const row = make("tr", { "data-variant": name }, make("th", { scope: "row" }, heading));
      row.append(...(pair(name, held)?.needed ?? []).map((count) => make("td", { class: "number" }, count)));
      row.hidden = state.hide.has(name);
      return row;
    }),
  );
}

// Charts: their axes are those of what is shown.

const log = (text) => text.startsWith("log");
const subs = [[6, [1, 1.5, 2, 3, 4, 5, 7]], [30, [1, 2, 5]], [300, [1, 3]]];

function ticks(kind, low, high, most) {
  const found = [];
  const tell = (value) => (Math.abs(value) >= 1e5 ? value.toExponential() : String(Number(value.toPrecision(4))));
  if (log(kind)) {
    const ratio = 10 ** (high - low);
    const within = subs.find(([below]) => ratio < below)?.[1] ?? [1];
    const step = within.length === 1 ? Math.max(1, Math.ceil((high - low) / most)) : 1;
    for (let decade = Math.floor(low); decade <= Math.ceil(high); decade += step)
      for (const sub of within) {
        const at = decade + Math.log10(sub);
        if (at >= low && at <= high) found.push([at, tell(sub * 10 ** decade)]);
      }
    return found;
  }
  const raw = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  let step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= raw);
  if (kind.startsWith("whole")) step = Math.max(1, step);
  for (let count = Math.ceil(low / step); count <= Math.floor(high / step); count++) found.push([count * step, tell(count * step)]);
  return found;
}

const points = (path) =>
  [...(path?.getAttribute("d") ?? "").matchAll(/[ML]([-\d.e+]+) ([-\d.e+]+)/g)].map(([, x, y]) => [Number(x), -Number(y)]);

class Chart {
  constructor(root) {
    this.root = root;
    this.key = root.dataset.chart;
    this.axes = document.getElementById(`${this.key}-axes`);
    this.plot = root.dataset.plot.split(" ").map(Number);
    this.room = root.dataset.room.split(" ").map(Number);
    this.kinds = [root.dataset.x, root.dataset.y];
    this.note = first(".off", root);
    this.small = root.matches(".small");
    this.boxes = all("svg.plot", root);
    this.curves = new Map(
      all("defs [data-variant]", root).map((line) => [
        line.dataset.variant,
        {
          line,
          lost: "lost" in line.dataset,
          points: points(line),
          band: points(this.part(line, "band")),
          crosses: points(this.part(line, "crosses")),
        },
      ]),
    );
    this.before = [this.axes.innerHTML, this.boxes[0]?.getAttribute("viewBox"), this.note.textContent];
    this.edge = Math.max(...[...this.curves.values()].flatMap((curve) => curve.crosses.map((point) => point[1])));
    this.colours = new Map(all("nav .chip").map((chip) => [chip.dataset.variant, first("path", chip).style.stroke]));
  }

  get window() {
    const [left, top, width, height] = this.boxes[0].getAttribute("viewBox").split(" ").map(Number);
    return { left, right: left + width, low: -top - height, high: -top };
  }

  // Fit the axes to the variants that are shown, and of those to what is near.
  fit() {
    if (!this.boxes.length) return;
    const shown = [...this.curves].filter(([name]) => !state.hide.has(name));
    if (!state.hide.size && !state.mark.size) {
      this.axes.innerHTML = this.before[0];
      this.boxes.forEach((box) => box.setAttribute("viewBox", this.before[1]));
      this.note.textContent = this.before[2];
      this.cross(this.edge);
    } else if (shown.length) {
      const best = (curve) => Math.min(...curve.points.map((point) => point[1]));
      const steady = shown.filter(([, curve]) => !curve.lost);
      const fitted = steady.length ? steady : shown;
      const sorted = fitted.map(([, curve]) => best(curve)).filter(Number.isFinite).sort((a, b) => a - b);
      const limit = log(this.kinds[1]) && !this.small ? sorted[Math.floor((sorted.length - 1) / 4)] + Math.log10(4) : Infinity;
      const near = fitted.filter(([name, curve]) => best(curve) <= limit || state.mark.has(name));
      const span = (values, kind) => {
        const given = kind.split(" ").slice(1).map(Number);
        if (given.length) return given;
        const finite = values.filter(Number.isFinite);
        const [low, high] = finite.length ? [Math.min(...finite), Math.max(...finite)] : [0, 1];
        const edge = 0.04 * (high - low) || 0.05;
        return [low - edge, high + edge];
      };
      const [left, right] = span(near.flatMap(([, curve]) => [...curve.points, ...curve.crosses].map((point) => point[0])), this.kinds[0]);
      const [low, high] = span(
        near.flatMap(([, curve]) => [...curve.points, ...curve.band].map((point) => point[1])),
        this.kinds[1],
      );
      const far = shown.filter(([, curve]) => Number.isFinite(best(curve)) && best(curve) > high).map(([name]) => name);
      this.draw(left, right, low, high);
      this.note.textContent = far.length ? `Above the axis at its best: ${far.join(", ")}.` : "";
    } else this.note.textContent = "";
    for (const [name, curve] of this.curves) curve.line.toggleAttribute("display", false);
    for (const name of state.hide) this.curves.get(name)?.line.setAttribute("display", "none");
    for (const box of this.boxes) {
      first(".marks", box)?.remove();
      const marks = svg("g", { class: "marks" });
      for (const name of state.mark)
        if (this.curves.has(name) && !state.hide.has(name))
          marks.append(svg("use", { class: "line", href: `#${this.curves.get(name).line.id}`, style: `--line:${this.colours.get(name)}` }));
      if (marks.childNodes.length) box.append(marks);
    }
  }

  draw(left, right, low, high) {
    const [x, y, width, height] = this.plot;
    let grid = "";
    let texts = "";
    for (const [at, told] of ticks(this.kinds[0], left, right, this.room[0])) {
      const place = round(x + (width * (at - left)) / (right - left));
      grid += `M${place} ${y}v${height}`;
      texts += `<text class="x" x="${place}" y="${y + height + 15}">${told}</text>`;
    }
    for (const [at, told] of ticks(this.kinds[1], low, high, this.room[1])) {
      const place = round(y + (height * (high - at)) / (high - low));
      grid += `M${x} ${place}h${width}`;
      texts += `<text class="y" x="${x - 5}" y="${round(place + 4)}">${told}</text>`;
    }
    this.axes.innerHTML = `<path class="grid" d="${grid}"/>${texts}`;
    const box = `${left} ${-high} ${right - left} ${high - low}`;
    this.boxes.forEach((each) => each.setAttribute("viewBox", box));
    this.cross(high - 0.05 * (high - low));
  }

  // Put what diverged at the upper edge.
  cross(edge) {
    for (const { line, crosses } of this.curves.values())
      if (crosses.length)
        this.part(line, "crosses").setAttribute("d", crosses.map(([x]) => `M${x} ${-edge}h0`).join(""));
  }

  part(line, kind) {
    return document.getElementById(line.id.replace(/line$/, kind));
  }

  // The point that is nearest to a place of the screen, of the variants that a panel is of.
  nearest(figure, clientX, clientY) {
    const { left, right, low, high } = this.window;
    const [x, y, width, height] = this.plot;
    const drawing = first("svg", figure);
    const at = new DOMPoint(clientX, clientY).matrixTransform(drawing.getScreenCTM().inverse());
    const own = figure.dataset.of ? [figure.dataset.of, ...state.mark] : [...this.curves.keys()];
    let found = null;
    for (const name of own) {
      if (state.hide.has(name)) continue;
      for (const point of this.curves.get(name)?.points ?? []) {
        const across = x + (width * (point[0] - left)) / (right - left) - at.x;
        const down = y + (height * (high - point[1])) / (high - low) - at.y;
        const distance = Math.hypot(across, down);
        if (!found || distance < found.distance) found = { name, point, distance };
      }
    }
    return found;
  }

  told({ name, point }) {
    const value = (place, kind) => String(Number((log(kind) ? 10 ** place : place).toPrecision(4)));
    return `${name} \u00b7 ${first(".label", this.root).textContent} ${value(point[0], this.kinds[0])}: ${value(point[1], this.kinds[1])}`;
  }

  // A ring around a point, and what it is.
  point(figure, found) {
    first(".here", figure)?.remove();
    if (!found) return;
    const ring = svg("path", { class: "here", d: `M${found.point[0]} ${-found.point[1]}h0`, style: `--line:${this.colours.get(found.name)}` });
    first("svg.plot", figure).append(ring);
    const { low, high } = this.window;
    const beyond = found.point[1] > high ? ", above the axis" : found.point[1] < low ? ", below the axis" : "";
    tip.textContent = this.told(found) + beyond;
    tip.hidden = false;
    const at = ring.getBoundingClientRect();
    tip.style.left = `${Math.min(at.left + 12, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${Math.max(4, at.top - tip.offsetHeight - 8)}px`;
  }
}

const tip = make("div", { id: "tip", role: "status" });
tip.hidden = true;
document.body.append(tip);
const charts = all("[data-chart]").map((root) => new Chart(root));

for (const chart of charts)
  for (const figure of all("figure", chart.root)) {
    const leave = () => {
      chart.point(figure, null);
      tip.hidden = true;
    };
    figure.tabIndex = 0;
    figure.setAttribute("aria-label", `${chart.root.dataset.title} ${figure.dataset.of ?? ""}; arrows tell values`);
    const follow = (event) => chart.point(figure, chart.nearest(figure, event.clientX, event.clientY));
    on(figure, "pointermove pointerdown", follow);
    on(figure, "blur", leave);
    on(figure, "pointerleave", ({ pointerType }) => pointerType === "mouse" && leave());
    let [who, at] = [0, -1];
    on(figure, "keydown", (event) => {
      if (event.key === "Escape") leave();
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -1e9], End: [0, 1e9] }[event.key];
      if (!step) return;
      event.preventDefault();
      const own = (figure.dataset.of ? [figure.dataset.of] : [...chart.curves.keys()]).filter(
        (name) => !state.hide.has(name) && chart.curves.get(name)?.points.length,
      );
      if (!own.length) return;
      if (at >= 0) who = (who + step[0] + own.length) % own.length;
      const line = chart.curves.get(own[who]).points;
      at = Math.min(Math.max(at + step[1], 0), line.length - 1);
      chart.point(figure, { name: own[who], point: line[at] });
    });
  }

// Show what the state says.

function show() {
  for (const each of all("[data-variant], [data-of]")) {
    if (each.closest("defs")) continue;
    const name = each.dataset.variant ?? each.dataset.of;
    const hidden = state.hide.has(name);
    if (each.matches(".chip")) {
      each.setAttribute("aria-pressed", String(!hidden));
      each.classList.toggle("marked", state.mark.has(name));
      continue;
    }
    each.classList.toggle("gone", hidden);
    each.classList.toggle("marked", state.mark.has(name));
    const own = each.closest("figure[data-of]");
    each.classList.toggle("dim", state.mark.size > 0 && !state.mark.has(name) && !own && !!each.closest("svg, figcaption"));
  }
  for (const table of all("table.matrix.pairs")) {
    const gone = names.map((name) => state.hide.has(name));
    for (const row of table.rows) names.forEach((_, place) => row.cells[place + 1]?.classList.toggle("gone", gone[place]));
  }
  for (const row of all("#pairs tbody tr"))
    row.classList.toggle("gone", [0, 1].some((place) => state.hide.has(row.cells[place].textContent)));
  first("#hidden").textContent = state.hide.size ? `Hidden: ${[...state.hide].join(", ")}.` : "";
  compare();
  charts.forEach((chart) => chart.fit());
  choice && (choice.value = state.against);
  needs();
}

const toggle = (set, name) => (set.delete(name) || set.add(name), write());

for (const chip of all("nav .chip")) {
  const name = chip.dataset.variant;
  const act = (event) => toggle(event.shiftKey ? state.mark : state.hide, name);
  const made = button("", act, { class: "chip", "data-variant": name, title: `${name}: hide or show; with Shift: highlight` });
  made.append(...chip.childNodes);
  chip.replaceWith(made);
}

// A table is sorted by its rows, or by bodies of several rows.
const parts = (table) => [...(table.tBodies.length > 1 ? table.tBodies : table.tBodies[0].rows)];
const arrange = (table, own) => {
  all("[aria-sort]", table).forEach((each) => each.removeAttribute("aria-sort"));
  own[0]?.parentNode.append(...own);
};

const matching = (text) => {
  try {
    const pattern = new RegExp(text, "i");
    return names.filter((name) => pattern.test(name));
  } catch {
    return names.filter((name) => name.includes(text));
  }
};
if (names.length > 1) {
  const bar = first("nav .variants");
  for (const [label, apply] of [
    ["show", (text) => (state.hide = new Set(text ? names.filter((name) => !matching(text).includes(name)) : []))],
    ["highlight", (text) => (state.mark = new Set(text ? matching(text) : []))],
  ]) {
    const field = make("input", { type: "search", placeholder: label, "aria-label": `${label}: text or pattern`, size: 9 });
    on(field, "input", () => (apply(field.value), write()));
    bar.prepend(field);
  }
  const order = all("table.sorts").map((table) => [table, parts(table)]);
  const reset = () => {
    for (const [table, own] of order) arrange(table, own);
    Object.assign(state, { against: declared, hide: new Set(), mark: new Set(), size: 0 });
    all("nav input").forEach((field) => (field.value = ""));
    write();
  };
  bar.append(button("reset", reset));
}

// The variant that the others are held against.

let choice = null;
if (head) {
  const able = names.filter((name) => !out.get(name));
  choice = make("select", { "aria-label": "Against" }, ...able.map((name) => make("option", { value: name }, name)));
  on(choice, "change", () => ((state.against = choice.value), write()));
  choice.value = declared;
  const held = first("#held");
  held.classList.add("hidden");
  held.after(choice);
}

// How many seeds: the difference that matters, and what to run.

const needed = first("#needed");
let size = null;
if (needed) {
  const heads = [...needed.tHead.rows[0].cells].slice(1);
  size = make("select", { "aria-label": "The difference that matters" });
  size.append(...heads.map((each, place) => make("option", { value: place + 1 }, each.textContent)));
  size.prepend(make("option", { value: 0, selected: "" }, "choose"));
  on(size, "change", () => ((state.size = Number(size.value)), write()));
  const said = make("p", { id: "run", role: "status" });
  first("#power .wide").before(make("p", {}, make("label", {}, "The difference that matters: ", size)), said);
}

function needs() {
  if (!needed) return;
  size.value = state.size;
  for (const row of needed.rows) [...row.cells].forEach((cell, place) => cell.classList.toggle("chosen", place > 0 && place === state.size));
  const said = first("#run");
  const shown = [...needed.tBodies[0].rows].filter((row) => !row.hidden);
  if (!shown.length) return void said.replaceChildren(`Nothing is planned against ${state.against}.`);
  if (!state.size) return void said.replaceChildren();
  const now = Number(needed.dataset.now);
  const [enough, more, none, counts] = [[], [], [], [0]];
  for (const { cells, dataset } of shown) {
    const count = Number(cells[state.size].textContent);
    if (count > now) counts.push(count);
    (isNaN(count) ? none : count > now ? more : enough).push(count > now ? `${count} for ${dataset.variant}` : dataset.variant);
  }
  const told = [
    [enough, `The ${now} seeds here show it of`],
    [more, "In all it takes, of each of the two,"],
    [none, `No ${first("#power").dataset.looks ? "declared look" : "number of seeds"} shows it of`],
  ];
  said.replaceChildren(told.map(([who, text]) => (who.length ? `${text} ${who.join(", ")}. ` : "")).join(""));
  if (!more.length) return;
  const command = `dvc exp run -S seeds.count=${Math.max(...counts)}`;
  said.append(make("code", {}, command), " ", copier(command));
}

function copier(text) {
  return button("copy", ({ target }) => navigator.clipboard?.writeText(text).then(() => (target.textContent = "copied")));
}

// A click on a column's head sorts by it; a second one turns it.

for (const table of all("table.sorts")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((each, column) => {
    if (each.classList.contains("range")) return;
    const sort = () => {
      const sorted = each.getAttribute("aria-sort");
      const ascending = sorted ? sorted === "descending" : each.dataset.first !== "descending";
      const cell = (part) => (part.rows ? part.rows[0] : part).cells[column];
      const value = (part) => cell(part).dataset.value ?? cell(part).textContent.trim().replace("\u2212", "-");
      const order = (a, b) => {
        const [x, y] = [value(a), value(b)];
        const numbers = x !== "" && y !== "" && !isNaN(x) && !isNaN(y);
        return numbers ? x - y : x.localeCompare(y, "en", { numeric: true });
      };
      arrange(table, parts(table).sort((a, b) => (ascending ? order(a, b) : order(b, a))));
      each.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    };
    const made = button("", sort, { class: "" });
    made.append(...each.childNodes);
    each.append(made);
  });
}

// Downloads: each table as CSV, each figure as SVG.

function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  make("a", { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}

const file = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
// No program may take a cell for a formula.
const quoted = (text) => {
  const safe = text.replace(/^= ?/, "equivalent ");
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
const content = (cell) => {
  const copy = cell.cloneNode(true);
  all("small, br, .verdict", copy).forEach((each) => each.before(" "));
  all(".hidden, select, .scale", copy).forEach((each) => each.id !== "held" && each.remove());
  return copy.textContent.replace(/\s+/g, " ").replaceAll("\u2212", "-").trim();
};

for (const table of all("table[aria-label]")) {
  const act = () => {
    const lines = [...table.rows].filter((row) => row.closest("table") === table && !row.matches(".seeds") && !row.hidden && !row.closest(".gone"));
    const text = lines.map((row) => [...row.cells].filter((cell) => !cell.matches(".gone")).map((cell) => quoted(content(cell))).join(",")).join("\n");
    save(`${file(table.getAttribute("aria-label"))}.csv`, "text/csv", `\ufeff${text}\n`);
  };
  const made = button("Download CSV", act);
  (table.closest("tr.seeds") ? table : (table.closest(".wide") ?? table)).after(made);
}

function standalone(drawing, root) {
  const copy = drawing.cloneNode(true);
  all(".here, .gone", copy).forEach((each) => each.remove());
  const [, , width, height] = copy.getAttribute("viewBox").split(" ").map(Number);
  const keys = root ? all("figcaption [data-variant]:not(.gone)", drawing.parentNode) : [];
  const below = 16 * Math.ceil(keys.length / 3);
  copy.setAttribute("viewBox", `0 -20 ${width} ${height + 20 + below}`);
  const text = (x, y, said) => {
    const made = svg("text", { x, y });
    made.textContent = said;
    copy.append(made);
  };
  if (root) text(2, -6, root.dataset.title);
  keys.forEach((key, place) => {
    const [x, y] = [8 + (place % 3) * (width / 3), height + 8 + 16 * Math.floor(place / 3)];
    const line = first("path", key).cloneNode();
    line.setAttribute("transform", `translate(${x} ${y - 8})`);
    line.setAttribute("stroke-width", 3);
    copy.append(line);
    text(x + 28, y, key.textContent);
  });
  copy.prepend(svg("rect", { y: -20, width: "100%", height: "100%", fill: "var(--paper)" }));
  const definitions = root && first("defs", root);
  const looks = getComputedStyle(document.documentElement);
  const rules = all("style")[0].textContent.match(/\/\* Charts \*\/([^]*?)\/\* End \*\//)[1];
  if (definitions) copy.prepend(definitions.cloneNode(true));
  copy.prepend(svg("style", {}));
  copy.firstChild.textContent = `${rules} text { font: 11px sans-serif; fill: ${looks.getPropertyValue("--ink")}; }`;
  return new XMLSerializer().serializeToString(copy).replace(/var\((--(?!line)[\w-]+)\)/g, (_, name) => looks.getPropertyValue(name).trim());
}

for (const figure of all("main figure")) {
  const drawing = first("svg", figure);
  const root = figure.closest("[data-chart]");
  const act = () => {
    const name = root ? `${root.dataset.title} ${figure.dataset.of ?? ""}` : drawing.getAttribute("aria-label").split(":")[0];
    save(`${file(name)}.svg`, "image/svg+xml", standalone(drawing, root));
  };
  figure.append(button("Download SVG", act));
}

// The contents leave the address as it is.
for (const link of all("nav .contents a"))
  on(link, "click", (event) => {
    event.preventDefault();
    const section = first(link.getAttribute("href"));
    section.tabIndex = -1;
    section.focus({ preventScroll: true });
    section.scrollIntoView();
  });
const bar = first("nav");
new ResizeObserver(() => document.documentElement.style.setProperty("--nav", `${bar.offsetHeight}px`)).observe(bar);
addEventListener("hashchange", () => (read(), show()));
read();
if (location.hash.includes("=")) show();

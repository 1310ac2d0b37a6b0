// The text view: tokens shaded by what is chosen above it; pointing at one, or the arrow keys, tell what is known of it.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent).text;
  const view = document.getElementById("text"), by = document.getElementById("by"), told = document.getElementById("told");
  if (!data || !view) return;
  const tokens = [];
  for (const own of data.documents) {
    const part = view.appendChild(document.createElement("p"));
    for (const token of own) {
      const span = part.appendChild(document.createElement("span"));
      span.textContent = token[0] || "\u00b7";
      tokens.push([span, token]);
    }
  }
  const exits = tokens.some(([, token]) => token[3] !== null);
  const ways = [["loss", "loss (nats)"], ...(exits ? [["exit", "the layer it leaves after"]] : []), ...data.signals];
  for (const [value, title] of ways) by.add(new Option(title, value));
  const share = (token) => {
    if (by.value === "loss") return Math.min(1, token[2] / 12);
    if (by.value === "exit") return token[3] === null ? 0 : token[3] / data.layers;
    return token[5][data.signals.findIndex(([name]) => name === by.value)] / 100;
  };
  const ends = { loss: ["0 nats", "12 nats or more"], exit: ["early", `after layer ${data.layers}`] };
  const shade = () => {
    tokens.forEach(([span, token]) => span.style.setProperty("--share", share(token)));
    [document.getElementById("low").textContent, document.getElementById("high").textContent] =
      ends[by.value] ?? ["easiest", "hardest of all test tokens"];
  };
  by.addEventListener("change", shade);
  let at = 0;
  const tell = (place) => {
    tokens[at][0].classList.remove("at");
    at = place;
    const [span, [text, first, loss, exit, values, percentiles]] = tokens[at];
    span.classList.add("at");
    const lines = [["target", JSON.stringify(text)], ["loss", `${loss} nats`]];
    if (first !== null) lines.splice(1, 0, ["first choice", JSON.stringify(first)]);
    if (exits) lines.push(["leaves after layer", exit ?? "no true pass here"]);
    data.signals.forEach(([, title], i) => lines.push([title, `${values[i]} (harder than ${percentiles[i]} %)`]));
    told.replaceChildren(...lines.flatMap(([name, value]) => {
      const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
      dt.textContent = name;
      dd.textContent = value;
      return [dt, dd];
    }));
  };
  for (const kind of ["pointerover", "click"]) view.addEventListener(kind, (event) => {
    const place = tokens.findIndex(([span]) => span === event.target);
    if (place >= 0) tell(place);
  });
  view.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 12, ArrowUp: -12 }[event.key];
    if (!step) return;
    event.preventDefault();
    tell(Math.max(0, Math.min(tokens.length - 1, at + step)));
    tokens[at][0].scrollIntoView({ block: "nearest" });
  });
  shade();
  tell(0);
})();

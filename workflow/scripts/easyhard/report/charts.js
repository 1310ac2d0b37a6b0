// Charts are drawn when they come into sight, in the colours of light or dark, as wide as their place; all before print.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)"), narrow = matchMedia("(max-width: 700px)");
  const places = [...document.querySelectorAll("[data-chart]")];
  const draw = (place, light) => {
    const spec = structuredClone(data.specs[place.dataset.chart]);
    const config = structuredClone(dark.matches && !light ? data.dark : data.light);
    config.background = "transparent";
    if (narrow.matches) {
      if (spec.columns) spec.columns = 1;
      config.legend.columns = 1;
      JSON.stringify(spec, (key, own) => {
        if (key === "legend" && own) own.columns = 1;
        if (own?.width > 240) own.width = 220; // of a panel that does not take the width of its place
        return own;
      });
      config.axis.labelLimit = 130;
      if (spec.layer) spec.layer = spec.layer.filter((layer) => layer.encoding?.text?.field !== "signal"); // no room for names
    }
    if (spec.width === "container") spec.autosize = { type: "fit-x", contains: "padding" };
    place.drawn = true;
    return vegaEmbed(place, spec, { actions: false, renderer: "svg", logLevel: 1, config, tooltip: { theme: dark.matches ? "dark" : "light" } });
  };
  const seen = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (entry.isIntersecting && !entry.target.drawn) draw(entry.target);
  }), { rootMargin: "400px" });
  places.forEach((place) => seen.observe(place));
  const again = () => places.filter((place) => place.drawn).forEach((place) => draw(place));
  dark.addEventListener("change", again);
  narrow.addEventListener("change", again);
  matchMedia("print").addEventListener("change", (event) => places.forEach((place) => draw(place, event.matches)));
  // What nobody has scrolled to is drawn too, one after another, so that it is there when the page is printed
  const idle = window.requestIdleCallback ?? ((call) => setTimeout(call, 50));
  const rest = () => {
    const next = places.find((place) => !place.drawn);
    if (next) draw(next).then(() => idle(rest));
  };
  addEventListener("load", () => idle(rest));
})();

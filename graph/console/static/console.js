// What the console adds for those who have scripts: keys, an article put where one writes, and a
// page that keeps itself fresh. Everything can be done without it.
(() => {
  "use strict";

  // htmx may turn the desk's own answers into elements; nothing else here turns text into markup.
  if (window.trustedTypes && window.htmx) {
    const policy = trustedTypes.createPolicy("deskbell", { createHTML: (text) => text });
    htmx.registerExtension("deskbell", {
      init: (api) => api.initSecurity({ createHTML: (text) => policy.createHTML(text), createScript: () => "" }),
    });
  }

  const one = (selector) => document.querySelector(selector);
  const box = (kind) => one(`.answer [name=${kind}]`);
  const typing = (element) => element.closest("input, textarea, select, [contenteditable]");

  // Where the keys j and k are: a row of the list, or an entry of the story.
  let at = null;
  const move = (step) => {
    const stops = [...document.querySelectorAll(".row, .said, .stop")];
    if (!stops.length) return;
    const now = stops.findIndex((stop) => stop.id === at);
    const next = stops[Math.min(Math.max(now + step, 0), stops.length - 1)];
    for (const stop of stops) stop.classList.toggle("at", stop === next);
    at = next.id;
    (next.querySelector(".cover") || next).focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };

  const write = (kind) => {
    const choice = one(`.answer input[value="${kind}"]`);
    if (!choice || choice.disabled) return;
    choice.checked = true;
    box(kind).focus();
    box(kind).scrollIntoView({ block: "nearest" });
  };
  const press = (selector) => one(selector)?.click();
  const go = (address) => location.assign(address);
  const keys = {
    j: () => move(1),
    k: () => move(-1),
    u: () => press("[data-key=u]"),
    e: () => press("[data-key=e]"),
    z: () => press("[data-key=z]"),
    t: () => press("[data-act=take]"),
    r: () => write("reply"),
    n: () => write("note"),
    "/": () => one(".search input").focus(),
    "?": () => one("#keys").togglePopover(),
  };
  const places = { a: "/", q: "/?view=available", m: "/?view=mine", r: "/reports", c: "/customers", t: "/activities" };

  // A tag in use is put behind what is typed.
  document.addEventListener("click", (event) => {
    const word = event.target.closest("[data-add-tag]")?.dataset.addTag;
    if (!word) return;
    const tags = one("#f-tags");
    const typed = tags.value.split(",").map((each) => each.trim()).filter(Boolean);
    if (!typed.includes(word)) tags.value = [...typed, word].join(", ");
    tags.focus();
  });

  let going = 0;
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.closest(".answer")) {
      const form = event.target.closest("form");
      form.requestSubmit([...form.querySelectorAll("[name=send]")].find((button) => button.offsetParent));
      return;
    }
    if (event.key === "Escape" && typing(event.target)) event.target.blur();
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (document.querySelector(".sheet:popover-open") && event.key !== "?") return;
    if (Date.now() - going < 1500 && event.key === "p") {
      event.preventDefault();
      going = 0;
      one("#presence")?.togglePopover();
    } else if (Date.now() - going < 1500 && places[event.key]) {
      event.preventDefault();
      going = 0;
      go(places[event.key]);
    } else if (event.key === "g") {
      going = Date.now();
    } else if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  });

  // A case that is looked at says so, whether one writes, and how long it was in front of one.
  const BEAT_SECONDS = 15;
  let typed = 0;
  let looked = 0;
  // Whoever has not moved for so long went for coffee, and the page stays in front of nobody.
  const IDLE = 3 * 60_000;
  let moved = Date.now();
  for (const sign of ["pointermove", "keydown", "scroll", "pointerdown"]) {
    document.addEventListener(sign, () => (moved = Date.now()), { passive: true, capture: true });
  }
  document.addEventListener("input", (event) => {
    if (event.target.closest(".answer") && event.target.matches("textarea")) typed = Date.now();
  });
  const beat = () => {
    const writes = Date.now() - typed < 60_000 && [box("reply"), box("note")].some((field) => field?.value.trim());
    const said = new URLSearchParams({ seconds: String(looked), writing: writes ? "yes" : "no" });
    looked = 0;
    fetch(one("#live").dataset.beat, { method: "POST", headers: { "HX-Request": "true" }, body: said, keepalive: true }).catch(() => {});
  };
  if (one("#live")) {
    let ticks = 0;
    beat();
    setInterval(() => {
      if (document.visibilityState !== "visible") return;
      if (document.hasFocus() && Date.now() - moved < IDLE) looked += 1;
      ticks += 1;
      if (ticks % BEAT_SECONDS === 0) beat();
    }, 1000);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden" && looked) beat();
    });
  }

  // An article goes where one writes, without the page being loaded again.
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-article]");
    if (!link || !box("reply") || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    link.closest("[popover]")?.hidePopover();
    const answer = await fetch(link.dataset.article);
    if (!answer.ok) return go(link.href);
    const field = box("reply");
    const words = await answer.text();
    const gap = field.value && !field.value.endsWith("\n") ? "\n\n" : "";
    field.setRangeText(gap + words, field.selectionEnd, field.selectionEnd, "end");
    write("reply");
  });

  // Whoever has begun to write decided on what they saw then, and is told before it is sent.
  const begun = (form) => [...form.querySelectorAll("textarea")].some((field) => field.value !== field.defaultValue);
  document.addEventListener("htmx:after:swap", () => {
    const live = one("#live");
    for (const form of live ? document.querySelectorAll("form") : []) {
      if (begun(form)) continue;
      for (const name of ["version", "seen"]) {
        const field = form.querySelector(`[name=${name}]`);
        if (field) field.value = live.dataset[name];
      }
    }
  });

  // What is offered is filled in only by whoever takes it.
  document.addEventListener("click", (event) => {
    const offer = event.target.closest("[data-fills]");
    if (offer) document.getElementById(offer.dataset.fills).value = offer.dataset.value;
  });

  // Whoever types a time means that one.
  document.addEventListener("input", (event) => {
    const choice = event.target.dataset.chooses;
    if (choice) document.getElementById(choice).checked = true;
  });

  // A list in which cases are ticked stays as it is until something was done with them.
  document.addEventListener("htmx:before:request", (event) => {
    if (event.target.id === "list" && one(".pick:checked")) event.preventDefault();
  });

  document.addEventListener("submit", (event) => {
    // A second press of a button must not do a thing twice.
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "1";
    window.addEventListener("pageshow", () => delete event.target.dataset.sent, { once: true });
  });

  if (one("#refused")) one("#refused").scrollIntoView({ block: "start" });
  if (/[?&](article|template)=/.test(location.search)) write("reply");
})();

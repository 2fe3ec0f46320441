"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const root = document.documentElement;

  // theme: the system's until the reader chooses
  const toggle = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const showTheme = () => {
    toggle.textContent = isDark() ? "Light" : "Dark";
    toggle.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
    toggle.setAttribute("aria-pressed", String(isDark()));
  };
  try {
    const kept = localStorage.getItem("paribus-theme");
    if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  } catch { /* storage may be closed to files */ }
  toggle.hidden = false;
  showTheme();
  system.addEventListener("change", showTheme);
  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("paribus-theme", root.dataset.theme); } catch { /* as above */ }
    showTheme();
  });

  // sorting: a model's lines stay together; missing values go last; where a target is best, by the distance to it
  for (const table of all("table.sortable")) {
    const heads = all("thead th", table);
    const key = (body, column) => {
      if (column === 0) return body.dataset.name;
      const cell = body.rows[0].cells[column];
      if (!cell || cell.dataset.value === undefined) return null;
      const target = heads[column].querySelector(".sort").dataset.target;
      const value = Number(cell.dataset.value);
      return target === undefined ? value : Math.abs(value - Number(target));
    };
    heads.forEach((head, column) => {
      const button = head.querySelector(".sort");
      if (!button) return;
      button.addEventListener("click", () => {
        const first = button.dataset.direction === "higher" ? "descending" : "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        const order = head.getAttribute("aria-sort") === first ? other : first;
        for (const each of heads) if (each.hasAttribute("aria-sort")) each.setAttribute("aria-sort", "none");
        head.setAttribute("aria-sort", order);
        const sign = order === "ascending" ? 1 : -1;
        const bodies = [...table.tBodies].sort((a, b) => {
          const x = key(a, column), y = key(b, column);
          if (x === null || y === null) return (x === null) - (y === null);
          return sign * (typeof x === "string" ? x.localeCompare(y) : x - y);
        });
        const foot = table.tFoot;
        for (const body of bodies) table.insertBefore(body, foot);
      });
    });
  }

  // only the models whose names hold every word, in tables and pictures
  const filter = document.getElementById("filter");
  if (filter) {
    const parts = all("[data-name]"), line = filter.closest(".filter");
    const models = all("table.board", document.getElementById("scores"))[0].tBodies;
    line.hidden = false;
    filter.addEventListener("input", () => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const part of parts) part.hidden = !words.every((word) => part.dataset.name.toLowerCase().includes(word));
      const shown = [...models].filter((body) => !body.hidden).length;
      line.querySelector("[role=status]").textContent = words.length ? `${shown} of ${models.length} models` : "";
    });
  }

  // texts to be copied; where the clipboard is closed a click on the text selects all of it
  for (const button of navigator.clipboard ? all("[data-copy]") : []) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }

  // explanations open beside their button
  for (const box of all("[popover]")) {
    box.addEventListener("toggle", (event) => {
      if (event.newState !== "open") return;
      const button = document.querySelector(`[popovertarget="${box.id}"]`);
      const at = button.getBoundingClientRect();
      const left = Math.max(16, Math.min(at.left, innerWidth - box.offsetWidth - 16));
      const below = at.bottom + 8 + box.offsetHeight < innerHeight;
      Object.assign(box.style, {
        margin: "0", inset: "auto", left: `${left}px`,
        top: `${Math.max(8, below ? at.bottom + 8 : at.top - box.offsetHeight - 8)}px`,
      });
    });
  }

  // one seed at a time
  const chooser = document.getElementById("seed"), real = document.getElementById("real");
  if (chooser) {
    const show = () => {
      const chosen = chooser.querySelector("input:checked").value;
      for (const part of all(".seed")) {
        part.hidden = part.dataset.seed !== chosen;
        if (part.hidden || !real) continue;
        part.querySelector(".cards").prepend(real);  // the same real images stand beside every seed
        real.querySelector(".enlarge").dataset.group = `samples-${chosen}`;
      }
    };
    chooser.hidden = false;
    chooser.addEventListener("change", show);
    show();
  }

  // enlarged pictures, with the others of their group one step away
  const box = document.getElementById("lightbox");
  if (box) {
    const image = box.querySelector("img"), caption = box.querySelector("figcaption");
    const steps = all("[data-step]", box);
    let group = [], place = 0;
    const show = (to) => {
      place = (to + group.length) % group.length;
      const button = group[place], source = button.querySelector("img");
      image.src = source.src;
      image.alt = source.alt;
      image.classList.toggle("pixelated", source.classList.contains("pixelated"));
      image.style.setProperty("--shape", String(source.naturalWidth / source.naturalHeight || 1));
      caption.textContent = button.dataset.caption;
      for (const step of steps) step.hidden = group.length < 2;
    };
    for (const button of all(".enlarge")) {
      button.addEventListener("click", () => {
        group = all(".enlarge").filter((other) => other.dataset.group === button.dataset.group);
        show(group.indexOf(button));
        box.showModal();
      });
    }
    for (const step of steps) step.addEventListener("click", () => show(place + Number(step.dataset.step)));
    box.querySelector("[data-close]").addEventListener("click", () => box.close());
    box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
    box.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft") show(place - 1);
      if (event.key === "ArrowRight") show(place + 1);
    });
    box.addEventListener("close", () => image.removeAttribute("src"));
  }
})();

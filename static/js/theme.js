// Loaded in <head> without defer, so that a stored theme is in place before the first paint.
(function () {
  "use strict";
  const root = document.documentElement;
  const dark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

  function stored() {
    try {
      return localStorage.getItem("theme");
    } catch (error) {
      if (error instanceof DOMException) return null; // storage is switched off: follow the system
      throw error;
    }
  }

  const theme = stored();
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-toggle]");
    if (!button) return;
    root.dataset.theme = dark() ? "light" : "dark";
    button.setAttribute("aria-pressed", String(dark()));
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
    }
  });

  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.hidden = false;
      button.setAttribute("aria-pressed", String(dark()));
    }
  });
})();

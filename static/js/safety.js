// Blurs distressing content that was shown, and shows it again.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-blur]");
  if (!button) return;
  const content = button.closest(".work").querySelector(".work-main");
  const blurred = content.toggleAttribute("data-blurred");
  content.inert = blurred;
  button.setAttribute("aria-pressed", String(blurred));
  button.textContent = blurred ? gettext("Show it again") : gettext("Blur again");
});

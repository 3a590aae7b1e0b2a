// A button that copies the field before it. Without script the field can be selected and copied by hand.
for (const box of document.querySelectorAll("[data-copy]")) {
  const [field, button, status] = box.children;
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      status.textContent = gettext("Copied");
    } catch (error) {
      if (!(error instanceof DOMException || error instanceof TypeError)) throw error; // refused, or not over HTTPS
      status.textContent = gettext("Selected: press Ctrl and C");
    }
  });
}

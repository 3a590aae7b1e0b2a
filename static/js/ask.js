// Sends a question or report from where the annotator is; without this script the form loads the page again.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-ask]");
  if (!form) return;
  event.preventDefault();
  const note = form.querySelector("[data-ask-note]");
  const send = form.querySelector("[type=submit]");
  send.disabled = true;
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { "X-Concord-Script": "1" },
      redirect: "error",
    });
    const told = answer.headers.get("Content-Type")?.startsWith("text/plain");
    note.textContent = told ? await answer.text() : gettext("The server could not take this. Try again in a moment.");
    note.className = answer.ok ? "notice good" : "notice warn";
    if (answer.ok) form.elements.text.value = "";
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    note.textContent = gettext("The server does not answer. What you wrote is still here: send it again in a moment.");
    note.className = "notice warn";
  } finally {
    send.disabled = false;
  }
});

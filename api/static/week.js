// The week's grid: a turn chosen by click or key fills the form; a turn dragged to another room is locked there.
(function () {
  function fill(turn, room, what) {
    document.getElementById("edit").open = true;
    document.getElementById("edit-staff").value = turn.staff;
    document.getElementById("edit-room").value = room;
    document.getElementById("edit-start").value = turn.start;
    document.getElementById("edit-end").value = turn.end;
    document.getElementById("edit-what").value = what;
  }

  let dragged = null;
  document.addEventListener("click", (event) => {
    const turn = event.target.closest(".turn");
    if (turn && document.getElementById("edit")) {
      fill(turn.dataset, turn.dataset.room, "lock");
      document.getElementById("edit-what").focus();
    }
    if (event.target.closest("[data-print]")) window.print();
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-go]")) location.assign(event.target.value);
  });
  document.addEventListener("htmx:after:swap", () => {
    document.querySelector("#answer.notice")?.scrollIntoView({ block: "nearest" });
  });
  document.addEventListener("dragstart", (event) => {
    dragged = event.target.closest?.(".turn")?.dataset ?? null;
    if (dragged) event.dataTransfer.setData("text/plain", dragged.staff);
  });
  document.addEventListener("dragover", (event) => {
    const row = event.target.closest?.(".plan-row[data-room]");
    if (!dragged || !row) return;
    event.preventDefault();
    document.querySelectorAll(".plan-row.over").forEach((each) => each.classList.toggle("over", each === row));
    row.classList.add("over");
  });
  document.addEventListener("drop", (event) => {
    const row = event.target.closest?.(".plan-row[data-room]");
    if (!dragged || !row) return;
    event.preventDefault();
    fill(dragged, row.dataset.room, "lock");
    dragged = null;
    document.querySelector(".edit-form").requestSubmit();
  });
})();

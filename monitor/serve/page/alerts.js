"use strict";

// Alerts that nobody has acknowledged yet: in a bar that stays in sight, the oldest first, so that no button moves away
// from under a pointer; in the window's title; and read out at once.

const TITLE = document.title;
const alertItems = new Map();

function takeAlert(call, told) {
  if (call.alerts.has(told.alert)) {
    if (told.acknowledged) acknowledged(call, told.alert);
    return;
  }
  const alert = { ...told, acknowledged: told.acknowledged || call.acknowledged.has(told.alert) };
  call.alerts.set(told.alert, alert);
  const turn = call.channels.get(told.channel)?.turns.find((each) => each.number === told.turn);
  turn?.alerts.push(told.rule);
  if (!alert.acknowledged) {
    addAlertItem(call, alert);
    byId("alarm").textContent = `Alert: ${call.name}, ${alert.speaker}, ${alert.rule}`;
  }
  changed(call);
}

/** Take an acknowledgement; it may come while its alert is still being loaded. */
function acknowledged(call, number) {
  call.acknowledged.add(number);
  const alert = call.alerts.get(number);
  if (!alert) return;
  alert.acknowledged = true;
  const item = alertItems.get(alert);
  if (item) {
    const focused = item.contains(document.activeElement);
    const next = (item.nextElementSibling ?? item.previousElementSibling)?.querySelector(".acknowledge");
    alertItems.delete(alert);
    item.remove();
    if (focused) (next ?? byId("lines").querySelector('.open[tabindex="0"]') ?? byId("lines")).focus();
  }
  countAlerts();
  forgetOld();
  changed(call);
}

function countAlerts() {
  const count = alertItems.size;
  byId("alerts").hidden = !count;
  byId("alerts-count").textContent = `${count} ${count === 1 ? "alert" : "alerts"}`;
  document.title = count ? `▲ ${count} – ${TITLE}` : TITLE;
}

function alertText(alert) {
  return [alert.speaker, alert.rule, percent(alert.probability), alert.at ? timeOfDay(alert.at) : clock(alert.time_s)];
}

function addAlertItem(call, alert) {
  const item = createElement("li");
  const open = createElement("button", "open");
  open.type = "button";
  open.append(createElement("bdi", "", call.name));
  open.addEventListener("click", () => openCallPanel(call));
  const facts = createElement("span", "facts");
  for (const text of alertText(alert)) facts.append(createElement("bdi", "", text));
  item.append(open, facts, acknowledgeButton(call, alert));
  alertItems.set(alert, item);
  byId("alert-list").append(item);
  countAlerts();
}

function acknowledgeButton(call, alert) {
  const button = createElement("button", "acknowledge", "Acknowledge");
  button.type = "button";
  button.setAttribute("aria-label", `Acknowledge ${call.name}, ${alert.speaker}, ${alert.rule}`);
  button.addEventListener("click", async () => {
    button.setAttribute("aria-disabled", "true");
    const done = await ask(`calls/${encodeURIComponent(call.name)}/alerts/${alert.alert}/acknowledge`, { method: "POST" });
    button.removeAttribute("aria-disabled");
    if (done?.ok) acknowledged(call, alert.alert);
    else notice("The alert could not be acknowledged: the server does not answer or does not know it.");
  });
  return button;
}

/** What stays at the top covers nothing that the keyboard leads to, and no open call. */
function connectAlerts() {
  new ResizeObserver(() => {
    document.documentElement.style.setProperty("--alerts", `${byId("alerts").offsetHeight}px`);
  }).observe(byId("alerts"));
}

/** Say something that is not urgent. */
function notice(text) {
  byId("notice").textContent = text;
}

/** Lead the keyboard to the alerts. */
function goToAlerts() {
  byId("alert-list").querySelector(".acknowledge")?.focus();
}

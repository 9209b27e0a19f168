// Passkeys and invitations. A form with data-passkey asks the browser for one; the answer goes into a hidden field of it.

const STALE_MS = 4 * 60 * 1000; // challenges live for five minutes

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

function options(form) {
  const asked = JSON.parse(form.dataset.options);
  const named = (list) => list?.map((one) => ({ ...one, id: bytes(one.id) }));
  return {
    ...asked,
    challenge: bytes(asked.challenge),
    ...(asked.user && { user: { ...asked.user, id: bytes(asked.user.id) } }),
    ...(asked.allowCredentials && { allowCredentials: named(asked.allowCredentials) }),
    ...(asked.excludeCredentials && { excludeCredentials: named(asked.excludeCredentials) }),
  };
}

function answer(credential) {
  const { response } = credential;
  const parts = { clientDataJSON: text(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) parts[name] = text(response[name]);
  }
  return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response: parts });
}

let waiting; // the request behind the name field, which the button takes over from

async function ask(form, more) {
  const asked = { publicKey: options(form), ...more };
  const credential = form.dataset.passkey === "create" ? await navigator.credentials.create(asked) : await navigator.credentials.get(asked);
  form.elements[form.dataset.into ?? "passkey"].value = answer(credential);
  for (const field of form.querySelectorAll("[required]")) field.required = false;
  form.submit();
}

async function pressed(form) {
  waiting?.abort();
  const trouble = form.querySelector("[data-passkey-trouble]");
  trouble.hidden = true;
  try {
    await ask(form);
  } catch {
    trouble.hidden = false; // taken back, timed out, or there is none: the other way is on the same page
  }
}

async function offerAtName(form) {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  waiting = new AbortController();
  await ask(form, { mediation: "conditional", signal: waiting.signal }).catch(() => undefined);
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const here = form.dataset.origin === location.origin;
  if (!window.PublicKeyCredential || !here) {
    const elsewhere = form.querySelector("[data-passkey-elsewhere]");
    if (elsewhere && window.PublicKeyCredential) elsewhere.hidden = false;
    continue;
  }
  if ("passkeyPart" in form.dataset) form.hidden = false;
  for (const part of form.querySelectorAll("[data-passkey-part]")) part.hidden = false;
  form.querySelector("[data-passkey-go]").addEventListener("click", () => pressed(form));
  if ("conditional" in form.dataset) {
    offerAtName(form);
    setInterval(() => {
      const typed = [...form.querySelectorAll("input:not([type=hidden])")].some((field) => field.value);
      if (!typed && document.visibilityState === "visible") location.reload();
    }, STALE_MS);
  }
}

if (location.pathname.endsWith("/sign-in")) {
  try {
    sessionStorage.clear(); // the list of people just seen (desk.js) is not for who signs in next at this desk
  } catch {
    // a tab without storage has none
  }
}

const code = document.querySelector("[data-invitation]");
if (code && location.hash.length > 1) {
  code.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname); // it stands in no history and on no screenshot
  code.form.submit();
}

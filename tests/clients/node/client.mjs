// Signs in with a signed assertion, submits a Bundle, reads everything back and compares. Prints one line of JSON.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { Client } from "fhir-kit-client";
import { importJWK, SignJWT } from "jose";

const { base, clientId, jwk, bundles } = JSON.parse(readFileSync(0, "utf8"));

const smart = await (await fetch(`${base}/.well-known/smart-configuration`)).json();
const assertion = await new SignJWT({ jti: randomUUID() })
  .setProtectedHeader({ alg: "ES256", kid: jwk.kid, typ: "JWT" })
  .setIssuer(clientId)
  .setSubject(clientId)
  .setAudience(smart.token_endpoint)
  .setIssuedAt()
  .setExpirationTime("4m")
  .sign(await importJWK(jwk, "ES256"));
const answer = await fetch(smart.token_endpoint, {
  method: "POST",
  body: new URLSearchParams({
    grant_type: "client_credentials",
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: assertion,
    scope: "system/*.cruds",
  }),
});
const token = await answer.json();
assert.equal(answer.status, 200, JSON.stringify(token));

const client = new Client({ baseUrl: `${base}/fhir`, bearerToken: token.access_token });
const statement = await client.capabilityStatement();
assert.equal(statement.fhirVersion, "4.0.1");

// Everything but what the server sets: id, meta, and references, which are followed.
function bare(resource, names) {
  const walk = (node) => {
    if (Array.isArray(node)) return node.map(walk);
    if (node === null || typeof node !== "object") return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, value]) => [key, key === "reference" ? (names.get(value) ?? value) : walk(value)]),
    );
  };
  const { id, meta, ...rest } = walk(resource);
  return rest;
}

let resources = 0, bytes = 0, compared = 0;
const began = performance.now();
for (const path of bundles) {
  const text = readFileSync(path, "utf8");
  const bundle = JSON.parse(text);
  const done = await client.transaction({ body: bundle });
  assert.equal(done.type, "transaction-response");
  assert.equal(done.entry.length, bundle.entry.length);
  resources += done.entry.length;
  bytes += Buffer.byteLength(text);
  const places = done.entry.map((entry) => entry.response.location.split("/"));
  const names = new Map(bundle.entry.map((entry, i) => [entry.fullUrl, `${places[i][0]}/${places[i][1]}`]));
  const patient = places[bundle.entry.findIndex((entry) => entry.resource.resourceType === "Patient")][1];

  const whole = await client.request(`${base}/fhir/Patient/${patient}/$everything`);
  const held = new Map(whole.entry.map((entry) => [`${entry.resource.resourceType}/${entry.resource.id}`, entry.resource]));
  for (const [i, entry] of bundle.entry.entries()) {
    const [resourceType, id, , version] = places[i];
    const address = `${resourceType}/${id}`;
    if (!held.has(address) || i % 40 === 0) {
      // What lies on the shared shelf, and some of the others, by id.
      const read = await client.read({ resourceType, id });
      assert.deepEqual(await client.vread({ resourceType, id, version }), read);
      held.set(address, read);
    }
    assert.deepEqual(bare(held.get(address), new Map()), bare(entry.resource, names), address);
    compared += 1;
  }
  assert.equal(held.size, bundle.entry.length, "nothing else is in the record");

  const wanted = bundle.entry.filter((entry) => entry.resource.resourceType === "Observation").length;
  let page = await client.search({ resourceType: "Observation", searchParams: { patient, _count: 100 } });
  let found = page.entry?.length ?? 0;
  assert.equal(page.total, wanted);
  while ((page = await client.nextPage({ bundle: page }))) found += page.entry.length;
  assert.equal(found, wanted);
  const identifier = bundle.entry.find((entry) => entry.resource.resourceType === "Patient").resource.identifier[0];
  const posted = await client.resourceSearch({
    resourceType: "Patient",
    searchParams: { identifier: `${identifier.system}|${identifier.value}` },
    options: { postSearch: true },
  });
  assert.deepEqual(posted.entry.map((entry) => entry.resource.id), [patient]);
  const history = await client.resourceHistory({ resourceType: "Patient", id: patient });
  assert.equal(history.total, 1);
  if (path === bundles[0]) assert.deepEqual(await client.transaction({ body: bundle }), done, "a resend gets the same answer");
}
await assert.rejects(client.read({ resourceType: "Patient", id: "unknown" }), (error) => error.response.status === 404);
console.log(JSON.stringify({ resources, bytes, compared, seconds: (performance.now() - began) / 1000 }));

// Medplum's client as a program would use it, with a token it was given. Prints one line of JSON.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

globalThis.WebSocket ??= class {}; // Node 20 has none; only subscriptions would open one
const { MedplumClient } = await import("@medplum/core");

const { base, token, patient, observation } = JSON.parse(readFileSync(0, "utf8"));
const medplum = new MedplumClient({ baseUrl: `${base}/`, fhirUrlPath: "fhir", cacheTime: 0 });
medplum.setAccessToken(token);

const who = await medplum.createResource(patient);
assert.equal(who.meta.versionId, "1");
const subject = { reference: `Patient/${who.id}` };
const values = [4.1, 5.2, 6.3];
const made = [];
for (const value of values) {
  made.push(await medplum.createResource({ ...observation, subject, valueQuantity: { ...observation.valueQuantity, value } }));
}
assert.deepEqual(await medplum.readResource("Observation", made[0].id), made[0]);
assert.equal((await medplum.createResourceIfNoneExist(patient, `identifier=${patient.identifier[0].system}|${patient.identifier[0].value}`)).id, who.id);

const high = await medplum.searchResources("Observation", { patient: who.id, "value-quantity": "gt5" });
assert.deepEqual(high.map((one) => one.valueQuantity.value).sort(), [5.2, 6.3]);
let paged = 0;
for await (const page of medplum.searchResourcePages("Observation", { patient: who.id, _count: "2" })) paged += page.length;
assert.equal(paged, 3);
const included = await medplum.search("Observation", { patient: who.id, _include: "Observation:subject" });
assert.deepEqual(included.entry.map((entry) => entry.search.mode).sort(), ["include", "match", "match", "match"]);

const updated = await medplum.updateResource({ ...who, gender: "unknown" });
assert.equal(updated.meta.versionId, "2");
const patched = await medplum.patchResource("Patient", who.id, [{ op: "replace", path: "/gender", value: "other" }]);
assert.equal(patched.gender, "other");
assert.equal((await medplum.readHistory("Patient", who.id)).entry.length, 3);
assert.equal((await medplum.readVersion("Patient", who.id, "2")).gender, "unknown");
const upserted = await medplum.upsertResource({ ...patched, active: true }, { _id: who.id });
assert.equal(upserted.active, true);

const whole = await medplum.readPatientEverything(who.id);
assert.equal(whole.entry.length, 4);
const summary = await medplum.readPatientSummary(who.id);
assert.equal(summary.type, "document");
assert.equal((await medplum.validateResource(patched)).resourceType, "OperationOutcome");
const expanded = await medplum.valueSetExpand({ url: "http://hl7.org/fhir/ValueSet/administrative-gender" });
assert.equal(expanded.expansion.contains.length, 4);

const batch = await medplum.executeBatch({
  resourceType: "Bundle",
  type: "batch",
  entry: [
    { request: { method: "GET", url: `Patient/${who.id}` } },
    { request: { method: "POST", url: "Observation" }, resource: { ...observation, subject } },
  ],
});
assert.deepEqual(batch.entry.map((entry) => entry.response.status.slice(0, 3)), ["200", "201"]);
await medplum.deleteResource("Observation", made[0].id);
await assert.rejects(medplum.readResource("Observation", made[0].id), (error) => error.outcome.issue.length > 0);
console.log(JSON.stringify({ created: 5, searched: high.length + paged + included.entry.length, everything: whole.entry.length }));

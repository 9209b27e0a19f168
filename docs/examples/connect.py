"""An institution's first day: sign in, submit, read back, search, scan a code, read the record.

Against a running demo: `.venv/bin/python docs/examples/connect.py .yima` (the data directory of the demo).
"""

# ruff: noqa: T201  an example shows what it got

import json
import secrets
import subprocess
import sys
import time
from pathlib import Path

import httpx
from joserfc import jwk, jwt

data = Path(sys.argv[1] if len(sys.argv) > 1 else ".yima")
demo = json.loads((data / "demo.json").read_text())
base, institution = demo["base_url"], demo["institutions"][0]


def sign_in() -> str:
    """An access token: good for fifteen minutes, for everything the app is registered for."""
    key = jwk.ECKey.import_key(institution["private_key_jwk"])
    client, now = institution["client_id"], int(time.time())
    times = {"exp": now + 240, "jti": secrets.token_hex(16)}
    claims = {"iss": client, "sub": client, "aud": f"{base}/oauth/token", **times}
    header = {"alg": "ES256", "typ": "JWT", "kid": institution["private_key_jwk"]["kid"]}
    answer = httpx.post(
        f"{base}/oauth/token",
        data={
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode(header, claims, key, algorithms=["ES256"]),
        },
    )
    answer.raise_for_status()
    return answer.json()["access_token"]


http = httpx.Client(base_url=base, headers={"Authorization": f"Bearer {sign_in()}"})

# 1 Submit: a patient by our own number, and a blood pressure.
patient = {
    "resourceType": "Patient",
    "identifier": [{"system": f"urn:example:{institution['id']}:patient", "value": "P-2026-0001"}],
    "name": [{"text": "林晓一"}],
    "gender": "female",
    "birthDate": "1988-07-21",
}
pressure = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9", "display": "Blood pressure panel"}]},
    "subject": {"reference": "urn:uuid:7c1a3f52-6a0e-4d0a-9a53-1c1f0a4f0001"},
    "effectiveDateTime": "2026-11-22T09:30:00+08:00",
    "component": [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {"value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
        }
        for code, value in (("8480-6", 128), ("8462-4", 79))
    ],
}
bundle = {
    "resourceType": "Bundle",
    "type": "transaction",
    "identifier": {"system": f"urn:example:{institution['id']}:message", "value": "2026-0001"},
    "entry": [
        {
            "fullUrl": "urn:uuid:7c1a3f52-6a0e-4d0a-9a53-1c1f0a4f0001",
            "resource": patient,
            "request": {"method": "POST", "url": "Patient"},
        },
        {"resource": pressure, "request": {"method": "POST", "url": "Observation"}},
    ],
}
fhir = {"Content-Type": "application/fhir+json"}
answer = http.post("/fhir", json=bundle, headers=fhir)
answer.raise_for_status()
print("submitted", answer.status_code, [entry["response"]["location"] for entry in answer.json()["entry"]])
again = http.post("/fhir", json=bundle, headers=fhir)
print("sent again, same answer:", again.content == answer.content)

# 2 Read back and search: what our institution wrote, without any visit.
where = answer.json()["entry"][0]["response"]["location"].split("/_history")[0]
print("read", http.get(f"/fhir/{where}").json()["name"])
query = {"patient": where, "code": "http://loinc.org|85354-9", "_sort": "-date"}
found = http.get("/fhir/Observation", params=query).json()
print("search", found["total"], "of", found["entry"][0]["resource"]["code"]["coding"][0]["display"])
ours = f"urn:example:{institution['id']}:patient|P-2026-0001"
by_number = http.post("/fhir/Patient/_search", data={"identifier": ours}).json()
print("by number", by_number["total"])

# 3 A mistake names its place.
wrong = http.post("/fhir/Observation", json={"resourceType": "Observation", "status": "finished"}, headers=fhir)
issues = [(issue["details"]["coding"][0]["code"], issue["expression"]) for issue in wrong.json()["issue"]]
print("refused", wrong.status_code, issues)

# 4 Scan: the code on the phone of somebody who has been here, as the command line shows it at this moment.
for resident in demo["residents"]:
    number = f"{resident['identifier']['system']}|{resident['identifier']['value']}"
    ours = http.post("/fhir/Patient/_search", data={"identifier": number}).json()
    if ours["total"]:
        break
show = [sys.executable, "-m", "yima", "code", "show", resident["person"], "--data", str(data)]
code = subprocess.run(show, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603  our own program
asked = {"code": code, "terminal": institution["terminal"], "step": "010102", "purpose": "treatment"}
scan = http.post("/code/verify", json=asked)
scan.raise_for_status()
print("scanned", scan.json()["identity"]["name"], scan.json()["assurance"], "until", scan.json()["expires"])
elsewhere = http.post("/code/verify", json=asked | {"terminal": demo["institutions"][1]["terminal"]})
print("at another institution's terminal:", elsewhere.status_code, elsewhere.json()["code"])

# 5 With the visit: the whole record, whoever wrote it. Without: only what our institution wrote.
patient_id = ours["entry"][0]["resource"]["id"]
alone = http.get(f"/fhir/Patient/{patient_id}/$everything").json()
whole = http.get(f"/fhir/Patient/{patient_id}/$everything", headers={"Yima-Visit": scan.json()["visit"]}).json()
print("our own part", alone["total"], "the record", whole["total"], "resources")

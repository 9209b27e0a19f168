#!/bin/sh
# The same first steps with curl, jq and jose. Against a running demo, from the root of the clone: sh docs/examples/connect.sh
set -eu
DATA=${DATA:-.yima}
YIMA=${YIMA:-./dev run}
BASE=$(jq -r .base_url "$DATA/demo.json")
CLIENT=$(jq -r '.institutions[0].client_id' "$DATA/demo.json")
TERMINAL=$(jq -r '.institutions[0].terminal' "$DATA/demo.json")
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
jq '.institutions[0].private_key_jwk' "$DATA/demo.json" >"$WORK/key.jwk"

# A client assertion, signed with the institution's key.
jq -nc --arg c "$CLIENT" --arg a "$BASE/oauth/token" --arg j "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" \
    '{iss: $c, sub: $c, aud: $a, jti: $j, exp: (now + 240 | floor)}' >"$WORK/claims.json"
HEADER=$(jq -c '{protected: {alg: "ES256", typ: "JWT", kid: .kid}}' "$WORK/key.jwk")
ASSERTION=$(jose jws sig -I "$WORK/claims.json" -k "$WORK/key.jwk" -s "$HEADER" -c)

# A token for it.
TOKEN=$(curl -s "$BASE/oauth/token" -d grant_type=client_credentials \
    -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \
    --data-urlencode "client_assertion=$ASSERTION" | jq -r .access_token)

# A submission.
curl -s "$BASE/fhir" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/fhir+json' -d @- <<'JSON' |
{"resourceType": "Bundle", "type": "transaction", "entry": [
  {"fullUrl": "urn:uuid:3f6c2f0e-8a53-4f4f-9a0e-000000000001",
   "resource": {"resourceType": "Patient", "identifier": [{"system": "urn:example:patient", "value": "P-2"}],
                "name": [{"text": "林晓二"}], "gender": "male", "birthDate": "1990-01-02"},
   "request": {"method": "POST", "url": "Patient"}},
  {"resource": {"resourceType": "AllergyIntolerance", "code": {"text": "青霉素"},
                "patient": {"reference": "urn:uuid:3f6c2f0e-8a53-4f4f-9a0e-000000000001"}},
   "request": {"method": "POST", "url": "AllergyIntolerance"}}]}
JSON
    jq -c '.entry[].response'

# A search by our own number: in the body, so that no number stands in an address.
curl -s "$BASE/fhir/AllergyIntolerance/_search" -H "Authorization: Bearer $TOKEN" \
    --data-urlencode 'patient.identifier=urn:example:patient|P-2' | jq '.total'

# A scan: the code of a resident at this moment, at our own terminal.
CODE=$($YIMA code show "$(jq -r '.residents[0].person' "$DATA/demo.json")" --data "$DATA")
curl -s "$BASE/code/verify" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -d "$(jq -nc --arg c "$CODE" --arg t "$TERMINAL" '{code: $c, terminal: $t, step: "010102", purpose: "treatment"}')" | jq .

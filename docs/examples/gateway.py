"""A hospital's card calls against a running demo: `.venv/bin/python docs/examples/gateway.py .yima` (its data).

Family A (`business.do`) and family E (the open platform), from registration to verification. It needs `cryptography`
for SM3 and SM4 and nothing else of Yima; the people in it are synthetic.
"""

# ruff: noqa: T201, S305, S310  an example shows what it got; ECB is prescribed; the address is the demo's own

import base64
import hashlib
import json
import secrets
import sys
import time
import urllib.request
import uuid
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

DATA = Path(sys.argv[1] if len(sys.argv) > 1 else ".yima")
DEMO = json.loads((DATA / "demo.json").read_text(encoding="utf-8"))
APP = DEMO["gateway"]
OPEN = "/rest/auth/HealthCard/HealthOpenPlatform/ISVOpenObj/"


def post(path: str, body: dict) -> dict:
    data = json.dumps(body, ensure_ascii=False).encode()
    request = urllib.request.Request(DEMO["base_url"] + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def sm3(text: str) -> str:
    digest = hashes.Hash(hashes.SM3())
    digest.update(text.encode())
    return digest.finalize().hex()


def sm4(data: bytes, *, seal: bool) -> bytes:
    cipher = Cipher(algorithms.SM4(bytes.fromhex(APP["sm4_key"])), modes.ECB())
    work = cipher.encryptor() if seal else cipher.decryptor()
    return work.update(data) + work.finalize()


def card_system(method: str, **content: str) -> dict:
    """One method of family A; the content of the answer."""
    plain = json.dumps(content, ensure_ascii=False)
    sent = {
        "app_id": APP["app_id"],
        "biz_content": plain,
        "digest_type": "SM3",
        "enc_type": "SM4",
        "method": method,
        "term_id": APP["term_id"],
        "timestamp": str(time.time_ns() // 1_000_000),
        "version": "X.M.0.1",
    }
    text = "&".join(f"{name}={sent[name]}" for name in sorted(sent)) + f"&app_secret={APP['app_secret']}"
    fill = 16 - len(plain.encode()) % 16
    sealed = sm4(plain.encode() + bytes([fill]) * fill, seal=True)
    sent |= {"digest": sm3(text), "biz_content": base64.b64encode(sealed).decode()}
    got = post("/erhc/ehealthcard/business.do", sent)
    if got["code"] != "10":
        raise SystemExit(f"{method}: {got['error']} {got['message']}")
    opened = sm4(base64.b64decode(got["biz_content"]), seal=False)
    return json.loads(opened[: -opened[-1]])


def open_platform(method: str, token: str, **req: str) -> dict:
    """One method of family E; the `rsp` of the answer."""
    app = APP["open_platform"]
    common = {
        "appToken": token,
        "requestId": uuid.uuid4().hex.upper(),
        "hospitalId": app["hospital_id"],
        "timestamp": str(int(time.time())),
        "channelNum": "0",
    }
    said = "&".join(f"{name}={value}" for name, value in sorted({**common, **req}.items()) if value)
    common["sign"] = base64.b64encode(hashlib.sha256((said + app["app_secret"]).encode()).digest()).decode()
    got = post(OPEN + method, {"commonIn": common, "req": req})
    if got["commonOut"]["resultCode"] != 0:
        raise SystemExit(f"{method}: {got['commonOut']}")
    return got["rsp"]


def synthetic_number() -> str:
    """A resident number of an area that was never assigned, with its right check digit (GB 11643)."""
    digits = f"99999919850314{secrets.randbelow(1000):03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return digits + "10X98765432"[sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11]


number = synthetic_number()
card = card_system(
    "ehc.ehealthcard.register", register_no="R1", apply_type="3", id_type="01", id_no=number, name="王小芳", gender="2",
    birthday="1985-03-14", cellphone=f"139{secrets.randbelow(10**8):08d}",
)  # fmt: skip
print("registered  ", card["ehealth_card_id"])
code = card_system("ehc.ehealthcode.generate", ehealth_card_id=card["ehealth_card_id"], ewmbs="0")["ehealth_code"]
print("code        ", code)
seen = card_system("ehc.ehealthcode.verify", ehealth_code=code, medstepcode="010101", channelcode="0100")
print("verified    ", seen["name"], seen["assurance"], "visit", seen["visit"])

token = open_platform("getAppToken", "", appId=APP["open_platform"]["app_id"])["appToken"]
again = open_platform("registerHealthCard", token, name="王小芳", gender="女", idType="01", idNumber=number)
print("same card   ", again["healthCardId"] == card["ehealth_card_id"])
shown = open_platform("getDynamicQRCode", token, healthCardId=again["healthCardId"], codeType="0")
seen = open_platform("verifyQRCode", token, qrCodeText=shown["qrCodeText"], medicalStep="010103")
print("verified    ", seen["name"], seen["assurance"], "visit", seen["visit"])

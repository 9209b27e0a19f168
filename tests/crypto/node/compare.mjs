// Reads cases from stdin, answers on stdout: what sm-crypto says of our signatures, and what it makes itself.
import smCrypto from "sm-crypto"

const { sm2, sm3, sm4 } = smCrypto
const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const cases = JSON.parse(Buffer.concat(chunks).toString())
const bytes = (hex) => [...Buffer.from(hex, "hex")]
const options = { hash: true, userId: "1234567812345678" }

const answers = cases.map(({ message, d, point, signature, key }) => ({
  accepted: sm2.doVerifySignature(bytes(message), signature, point, options),
  refused: !sm2.doVerifySignature(bytes(message + "00"), signature, point, options),
  signature: sm2.doSignature(bytes(message), d, options),
  hash: sm3(bytes(message)),
  mac: sm3(bytes(message), { key, mode: "hmac" }),
  blocks: sm4.encrypt(bytes(key.slice(0, 32)), key.slice(0, 32), { padding: "none" }),
}))
process.stdout.write(JSON.stringify(answers))

// Each text of the input by dcc-utils' signature check (cose-js), under the certificate that signed it.
import zlib from "node:zlib";
import base45 from "base45";
import dccUtils from "dcc-utils";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const out = [];
for (const { text, certificate } of JSON.parse(Buffer.concat(chunks))) {
  // `DCC.fromRaw` asks for the claim of the EU certificate (-260); ours has another, so its steps are taken here.
  const dcc = new dccUtils.DCC();
  try {
    dcc._coseRaw = zlib.inflateSync(base45.decode(text.slice(4)));
    await dcc.checkSignatureWithCertificate(certificate);
    out.push("accepted");
  } catch (error) {
    out.push(`refused: ${error.message}`);
  }
}
console.log(JSON.stringify(out));

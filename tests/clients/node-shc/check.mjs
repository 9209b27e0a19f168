// Each text of the input by kill-the-clipboard, under the key of its issuer.
import { SHCReader } from "kill-the-clipboard";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const out = [];
for (const { text, key } of JSON.parse(Buffer.concat(chunks))) {
  try {
    const reader = new SHCReader({ publicKey: key, useVciDirectory: false, strictReferences: true });
    const card = await reader.fromQRNumeric(text);
    const bundle = await card.asBundle();
    out.push(`accepted ${bundle.entry.length}`);
  } catch (error) {
    out.push(`refused: ${error.message}`);
  }
}
console.log(JSON.stringify(out));

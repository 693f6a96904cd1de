// `@lti-tool/core`. It keeps no token; its `fetch` keeps connections.
import { createPrivateKey, createPublicKey, webcrypto } from "node:crypto";
import { LTITool } from "@lti-tool/core";
import { known, lineItem, run } from "./job.mjs";

const rs256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const pem = createPrivateKey(known.private_key);
const pkcs8 = pem.export({ type: "pkcs8", format: "der" });
const spki = createPublicKey(pem).export({ type: "spki", format: "der" });
const keyPair = {
  privateKey: await webcrypto.subtle.importKey("pkcs8", pkcs8, rs256, true, ["sign"]),
  publicKey: await webcrypto.subtle.importKey("spki", spki, rs256, true, ["verify"]),
};

// All that it asks of its store when it calls a service.
const launchConfig = {
  iss: known.issuer,
  clientId: known.client_id,
  deploymentId: known.deployment_id,
  authUrl: `${known.issuer}/authorize`,
  tokenUrl: known.token_endpoint,
  jwksUrl: `${known.issuer}/jwks`,
};
const tool = new LTITool({
  stateSecret: new Uint8Array(32),
  keyPair,
  storage: { getLaunchConfig: async () => launchConfig },
  security: { keyId: known.key_id },
});
const session = {
  platform: { issuer: known.issuer, clientId: known.client_id, deploymentId: known.deployment_id },
  services: { ags: { lineitem: lineItem, scopes: known.scopes } },
};

await run({
  post: (score) => tool.submitScore(session, score),
  // The first page, and no way to the next.
  list: async () => (await tool.getScores(session)).length,
});

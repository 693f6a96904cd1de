// What the clients for Node share: `CLIENT REGISTRATION TASK LINE_ITEM SCORE AT_ONCE`, and what they tell.
import { readFileSync } from "node:fs";

const [file, task, lineItem, score, atOnce] = process.argv.slice(2);
const known = JSON.parse(readFileSync(file, "utf8"));

/** The score of one learner, as both libraries want it. */
const scoreOf = (userId) => ({
  userId,
  scoreGiven: Number(score),
  scoreMaximum: 100,
  timestamp: new Date().toISOString(),
  activityProgress: "Completed",
  gradingProgress: "FullyGraded",
});

const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** Does the task with `post(score)` and `list()`, which counts results. */
async function run({ post, list }) {
  const before = cpu();
  const begun = performance.now();
  let done = 0;
  if (task === "list") {
    done = await list();
  } else {
    let next = 0;
    const worker = async () => {
      while (next < known.learners.length) {
        await post(scoreOf(known.learners[next++]));
        done += 1;
      }
    };
    const workers = task === "concurrent" ? Number(atOnce) : 1;
    await Promise.all(Array.from({ length: workers }, worker));
  }
  const seconds = (performance.now() - begun) / 1000;
  const used = cpu() - before;
  const peak = Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))[1]);
  console.log(JSON.stringify({ seconds, cpu: used, peak_kib: peak, done, failure: null }));
  process.exit(0);
}

export { known, lineItem, run };

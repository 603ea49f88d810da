// `trainer.ts <ms>`: computes for so long and says how much it got done.
const untilMs = performance.now() + Number(process.argv[2]);
let rounds = 0;
let value = 1;
while (performance.now() < untilMs) {
  for (let index = 0; index < 200_000; index++) value = (value * 1.000001 + Math.sqrt(index)) % 1e6;
  rounds++;
}
console.log(JSON.stringify({ rounds, value }));

"""The words of the page of the proof."""

from __future__ import annotations

HEAD = """# Schedulers under Kandinsky, proven

Written by `harness schedulers check --write docs/schedulers.md` (`nox -s schedulers`) with {versions}; a test tells
when it is stale. The check took {cpu} s of processor time in {processes} processes that ran at once ({seconds} s by
the clock of this machine), the scan of the counts of steps below {scan} s more.

<!-- sources {digest} -->

No Kandinsky pipeline scales the model's input, and each passes arguments that only some schedulers take. So a
scheduler may run and be silently wrong. Here every one walks diffusers' own pipelines, with an ideal denoiser in the
UNet's place, whose answer is known in closed form.

**{variants} variants of {classes} classes are right** in text-to-image and image-to-image (strengths 0.1, 0.3, 0.6
and 1) of every version that has been checked, of {tried} variants tried; {refused} classes are refused, and were
tried as well. {holds}

## How to read it

- **Error**: a deterministic scheduler must carry each starting point to where the probability flow carries it. The
  number is the mean absolute error for data from N(0.3, 0.5²), the mean taken evenly over the starting points'
  quantiles. **right**: at 128 steps it is at most {slack} times an eighth of what it is at 16, which is first order
  with room for the first, large step and the last (or it is below {floor}, under which nothing can be told), and at
  most {bar}. Three other problems, N(0, 1), N(-1, 0.2²) and a mixture of two, ride in the other channels and must
  fall as well.
- **slow**: it falls, but less, or is above {bar} at 128 steps. It may be run, and is not counted as right.
- **wrong**: it does not even fall to a half. **refused**: a plan refuses it, for the reason that stands there.
- Where 16, 32, 64 or 128 steps are counts at which a variant goes wrong (see below), counts that divide the schedule
  are taken, or those from 64 on. From the middle, counts that leave at least 12 steps.
- **Width**: what a stochastic scheduler makes must have the data's mean and width. The number is the exact error of
  the width at 250 steps, without chance: for such data a walk is a straight line in its start and in each noise
  that was drawn, and its coefficients are read off the real loop. It must be within 5 % and fall from 125 steps on; on
  2.2, 4096 real draws of each problem, the share of the mixture's modes among them, must be within 4 standard
  errors of it. Two pictures of one batch, each with a generator of its own, must be what each is alone.
- **Order**: measured in the middle of the schedule, away from the large first step and the last, against what its
  authors claim, within 0.3. Where it falls short, the cause is one that an experiment has shown: with it taken
  away, the order is back.
- A guidance scale above 1 must change nothing (the denoiser ignores its condition), image-to-image must begin at the
  picture at its noise level, and 2.2's inpainting must keep what is outside the mask.
- `–`: the version has no such task.
- **Timestep spacing**: a class without words of its own in brackets takes its own default (`linspace` for most), as it
  does from a configuration that says nothing of it. The miniature's configurations say `leading`: there a plain
  `EulerDiscrete` is the row *EulerDiscrete (timestep_spacing leading)*. `harness plan` prints which one a cell has.

Which one to take, at how many steps, is no question of right or wrong: `reports/scheduler-comparison/report.md` answers
it for the miniature, and `experiments/kandinsky-2.2-schedulers.yaml` asks it of the real model. How a spec names a
scheduler, its overrides, `eta`, `subfolder` and `force`: [tasks.md](tasks.md).

## Overview
"""
WITHOUT = """
## What it takes

Without the adapter many raise and some are silently wrong: their error stays, however many steps (a right one's is
at most 0.01 at 128). *Rescales latents*: the solver counts in sigmas, and the pipeline neither scales its input nor its
start. *Mends its calls*: arguments that it does not take, or timesteps that it cannot find its place by; Karras's and
the like are so dense that several steps share one whole timestep, and a bare solver begins one step late. With
`eta` any of them takes the adapter, because no pipeline passes it on.
"""
TABLES = """
## Class by class
"""
REFUSALS = """
## Refused

Each was tried bare and in the adapter on 2.2's text-to-image (UnCLIP on 3, whose noise schedule is the only one
that it takes): what it raised, or the error that stays. Of one that draws noise the error is the larger of its
mean's and its width's.
"""
UNSTEADY = """
## Counts of steps that go wrong

A plan refuses these counts, with the nearest good ones. From the top of the noise schedule some solvers **overshoot**
in few steps: what they make is more than half as wide again as the data, or has another mean. The least counts, on
Kandinsky 2.1's and 2.2's linear noise schedule and on 3's cosine one (a start in the middle escapes only on the
cosine one, with evenly spaced timesteps):
"""
OTHERS = """
Beside them: one step with leading or linspace spacing, which begins where there is no noise and leaves the picture
noise; DDIM's, DDIMParallel's and PNDM's trailing and linspace spacing where their stride of `1000 // steps` is not what
the timesteps are apart; fewer than 4 steps of PNDM with its Runge-Kutta start; leading spacing that begins past
timestep 999; the multistep solvers at 998 to 1000 steps, where two places are the same; DEIS of third order beyond 250
steps, whose coefficients lose their digits in single precision; LCM and TCD, forced, beyond their
`original_inference_steps`.

What the scan met: every count from 1 to 12 and some up to 300 (of a stochastic one to 64), in text-to-image of 2.2
and 3 and from the middle (strength 0.5) of 2.2, of every variant above: where it raises, gives something that is
no number, is wider by three quarters, or is above 0.02 and above half as much again as first order would have it.
"""
FOOT = """
## Kandinsky 2.1's own noise

Its image-to-image noises the picture with a schedule of its own (betas from 0.0001 to 0.02, at
`int(1000 · strength) - 2`), not with the scheduler's. The table says how far its first latents are from the level
that is denoised first, at 50 steps. It is the same for every scheduler and no fault of theirs: on 2.1 the answer is
the flow from where the pipeline does start.
"""

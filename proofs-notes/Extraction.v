(** The algebra's definitions as an OCaml program over the integers.

    Main results: none; compiling this file writes exactscan_spec.ml into the build folder. tests/proofs runs
    it against the C++ definitions. Integers become Zarith's, counts OCaml's int.
    Depends on: Semiring, Affine, Monoid, Schedules, StateSpace, Adjoint, SSD. *)
From Coq Require Import List ZArith Extraction ExtrOcamlBasic ExtrOcamlNatInt ExtrOcamlZBigInt.
From Exactscan Require Import Semiring Affine Monoid Schedules StateSpace Adjoint SSD.

Definition z_run := run_scalar_affine (R := Z).
Definition z_summary := summarize_scalar_affine (R := Z).
Definition z_scan := scalar_affine_scan (R := Z).
Definition z_tree := Monoid.eval (after (R := Z)).
Definition z_kogge_stone levels h0 l := states h0 (kogge_stone (after (R := Z)) identity levels 1 l).
Definition z_blelloch levels h0 l :=
  states h0 (zip (after (R := Z)) (blelloch (after (R := Z)) levels identity l) l).
Definition z_chunked h0 chunks := states h0 (chunked_local_scan (after (R := Z)) identity chunks).
Definition z_lookback h0 tiles := states h0 (lookback_scan (after (R := Z)) identity nil tiles).
Definition z_ssm_scan := ssm_scan (R := Z).
Definition z_s4_run p := run_list (s4_step (R := Z) p).
Definition z_ssm_backward := ssm_backward (R := Z).
Definition z_backward := backward (R := Z).
Definition z_carried := carried (R := Z).
Definition z_parameter_gradient := parameter_gradient (R := Z).
Definition z_ssd n q s l := ssd n s (chunks_of (R := Z) (length l) q l).

Extraction "exactscan_spec.ml" z_run z_summary z_scan z_tree z_kogge_stone z_blelloch z_chunked z_lookback
  z_ssm_scan z_s4_run z_ssm_backward z_backward z_carried z_parameter_gradient z_ssd.

(** Every schedule of a scan equals the recurrence.

    Main results: [bracketing_eq_run], [sequential_eq_scan], [tree_scan_eq_scan], [chunked_eq_scan],
    [chunked_local_eq_scan], [lookback_eq_scan], [blelloch_eq_scan], [kogge_stone_eq_scan].
    Any semiring, multiplication need not commute. Depends on: Semiring, Affine, Monoid. *)
From Coq Require Import List Arith.
From Exactscan Require Import Semiring Affine Monoid.
Import ListNotations.

Section Schedules.
Context {R : Type} {O : Ops R} {SR : Semiring R}.

(** Composition in time order. *)
Definition after (t1 t2 : transition R) : transition R := compose t2 t1.

Lemma after_assoc x y z : after x (after y z) = after (after x y) z.
Proof. unfold after; symmetry; apply compose_assoc. Qed.
Lemma after_id_l x : after identity x = x. Proof. apply compose_id_right. Qed.
Lemma after_id_r x : after x identity = x. Proof. apply compose_id_left. Qed.

(** What a schedule has to deliver: the states, obtained from the prefix compositions. *)
Definition states (h0 : R) (prefixes : list (transition R)) : list R :=
  map (fun tr => apply tr h0) prefixes.

Lemma product_summarize l : product after identity l = summarize_scalar_affine l.
Proof. reflexivity. Qed.

Lemma states_iscan c h0 l :
  states h0 (iscan after c l) = scalar_affine_scan (apply c h0) l.
Proof.
  revert c; induction l as [|t l IH]; intros c; simpl; [reflexivity|].
  rewrite IH; unfold after; rewrite compose_apply; reflexivity.
Qed.

Theorem sequential_eq_scan h0 l :
  states h0 (iscan after identity l) = scalar_affine_scan h0 l.
Proof. rewrite states_iscan, apply_identity; reflexivity. Qed.

Theorem bracketing_eq_summary t :
  eval after t = summarize_scalar_affine (leaves t).
Proof.
  rewrite (tree_eval after identity after_assoc after_id_l after_id_r); reflexivity.
Qed.

Theorem bracketing_eq_run h0 t :
  apply (eval after t) h0 = run_scalar_affine h0 (leaves t).
Proof. rewrite bracketing_eq_summary; apply summarize_apply_eq_run. Qed.

(** Initial state as a leaf of its own, whatever multiplier it carries with a zero state before. *)
Theorem initial_leaf_eq_run a0 h0 l :
  run_scalar_affine 0 (Transition a0 h0 :: l) = run_scalar_affine h0 l.
Proof.
  assert (apply (Transition a0 h0) 0 = h0) as E.
  { unfold apply; simpl; rewrite mul_0_r, add_0_l; reflexivity. }
  unfold run_scalar_affine; simpl; rewrite E; reflexivity.
Qed.

Theorem tree_scan_eq_scan h0 t :
  states h0 (down after identity t) = scalar_affine_scan h0 (leaves t).
Proof.
  rewrite (tree_scan after identity after_assoc after_id_l after_id_r).
  apply sequential_eq_scan.
Qed.

Theorem chunked_eq_scan h0 chunks :
  states h0 (chunked_scan after identity identity chunks)
  = scalar_affine_scan h0 (concat chunks).
Proof.
  rewrite (chunked_scan_correct after identity after_assoc after_id_r).
  apply sequential_eq_scan.
Qed.

Theorem chunked_local_eq_scan h0 chunks :
  states h0 (chunked_local_scan after identity chunks) = scalar_affine_scan h0 (concat chunks).
Proof.
  rewrite (chunked_local_scan_correct after identity after_assoc after_id_r).
  apply sequential_eq_scan.
Qed.

(** Each tile looks back over a number of tiles of its own choice. *)
Theorem lookback_eq_scan h0 tiles :
  states h0 (lookback_scan after identity [] tiles)
  = scalar_affine_scan h0 (concat (map snd tiles)).
Proof.
  rewrite (lookback_scan_correct after identity after_assoc after_id_r).
  apply sequential_eq_scan.
Qed.

(** Blelloch's exclusive scan, then each transition once more. *)
Theorem blelloch_eq_scan levels h0 l : length l <= 2 ^ levels ->
  states h0 (zip after (blelloch after levels identity l) l) = scalar_affine_scan h0 l.
Proof.
  intros Hl; rewrite (blelloch_correct after after_assoc) by assumption.
  unfold zip; rewrite <- iscan_exscan; apply sequential_eq_scan.
Qed.

Theorem kogge_stone_eq_scan levels h0 l : length l <= 2 ^ levels ->
  states h0 (kogge_stone after identity levels 1 l) = scalar_affine_scan h0 l.
Proof.
  intros Hl.
  rewrite (kogge_stone_correct after identity after_assoc after_id_l after_id_r) by assumption.
  apply sequential_eq_scan.
Qed.
End Schedules.

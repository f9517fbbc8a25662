(** Homogeneous maps over the reals: size and distance.

    Main results: [abs_homogeneous_apply_le], [abs_homogeneous_apply_le_self], [affine_lipschitz],
    [run_lipschitz] (two states that meet the same transitions with |a| <= 1 do not move apart).
    Depends on: Semiring, Affine. *)
From Coq Require Import Reals List Lra.
From Exactscan Require Import Semiring Affine.
Import ListNotations.
Open Scope R_scope.

#[local] Instance R_ops : Ops R := { zero := 0; one := 1; add := Rplus; mul := Rmult }.

Theorem abs_homogeneous_apply_le a rho h : Rabs a <= rho -> Rabs (apply (Transition a 0) h) <= rho * Rabs h.
Proof.
  intros H; unfold apply; cbn [ta tb add mul R_ops]; rewrite Rplus_0_r, Rabs_mult.
  apply Rmult_le_compat_r; [apply Rabs_pos|exact H].
Qed.

Theorem abs_homogeneous_apply_le_self a h : Rabs a <= 1 -> Rabs (apply (Transition a 0) h) <= Rabs h.
Proof. intros H; rewrite <- (Rmult_1_l (Rabs h)); apply abs_homogeneous_apply_le, H. Qed.

Theorem affine_lipschitz tr rho x y : Rabs (ta tr) <= rho -> Rabs (apply tr x - apply tr y) <= rho * Rabs (x - y).
Proof.
  intros H; unfold apply; cbn [add mul R_ops].
  replace (ta tr * x + tb tr - (ta tr * y + tb tr)) with (ta tr * (x - y)) by ring.
  rewrite Rabs_mult; apply Rmult_le_compat_r; [apply Rabs_pos|exact H].
Qed.

Theorem run_lipschitz l : forall x y, Forall (fun tr => Rabs (ta tr) <= 1) l ->
  Rabs (run_scalar_affine x l - run_scalar_affine y l) <= Rabs (x - y).
Proof.
  induction l as [|tr l IH]; intros x y H; [simpl; lra|]; inversion H; subst.
  apply Rle_trans with (1 := IH (apply tr x) (apply tr y) H3).
  rewrite <- (Rmult_1_l (Rabs (x - y))); apply affine_lipschitz; assumption.
Qed.

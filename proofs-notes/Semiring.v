(** Number systems for the algebra files.

    Main results: none; only the interfaces [Semiring], [CommSemiring], [CommRing] and finite sums.
    Multiplication is not assumed commutative unless a file asks for [CommSemiring] or [CommRing].
    Depends on: the standard library. *)
From Coq Require Import List Ring_theory Ring ZArith.
Import ListNotations.

Class Ops (R : Type) := { zero : R; one : R; add : R -> R -> R; mul : R -> R -> R }.

Declare Scope alg_scope.
Delimit Scope alg_scope with alg.
Notation "0" := zero : alg_scope.
Notation "1" := one : alg_scope.
Infix "+" := add : alg_scope.
Infix "*" := mul : alg_scope.
Open Scope alg_scope.

Class Semiring (R : Type) {O : Ops R} : Prop := {
  add_comm : forall x y : R, x + y = y + x;
  add_assoc : forall x y z : R, x + (y + z) = (x + y) + z;
  add_0_l : forall x : R, 0 + x = x;
  mul_assoc : forall x y z : R, x * (y * z) = (x * y) * z;
  mul_1_l : forall x : R, 1 * x = x;
  mul_1_r : forall x : R, x * 1 = x;
  mul_0_l : forall x : R, 0 * x = 0;
  mul_0_r : forall x : R, x * 0 = 0;
  mul_add_l : forall x y z : R, x * (y + z) = x * y + x * z;
  mul_add_r : forall x y z : R, (x + y) * z = x * z + y * z }.

Class CommSemiring (R : Type) {O : Ops R} : Prop :=
  { comm_semiring :> Semiring R; mul_comm : forall x y : R, x * y = y * x }.

Class CommRing (R : Type) {O : Ops R} := {
  comm_ring_semiring :> CommSemiring R;
  opp : R -> R;
  add_opp_r : forall x : R, x + opp x = 0 }.

Section Laws.
Context {R : Type} `{Semiring R}.

Lemma add_0_r (x : R) : x + 0 = x.
Proof. rewrite add_comm; apply add_0_l. Qed.

(** The sum f 0 + ... + f (n-1), added from left to right. *)
Fixpoint sum (n : nat) (f : nat -> R) : R :=
  match n with O => 0 | S k => sum k f + f k end.

Lemma sum_ext n (f g : nat -> R) : (forall i, i < n -> f i = g i) -> sum n f = sum n g.
Proof.
  induction n as [|n IH]; intros E; simpl; [reflexivity|].
  rewrite IH, E; auto.
Qed.

Lemma sum_add n (f g : nat -> R) : sum n (fun i => f i + g i) = sum n f + sum n g.
Proof.
  induction n as [|n IH]; simpl; [symmetry; apply add_0_l|].
  rewrite IH, !add_assoc; f_equal.
  rewrite <- !add_assoc; f_equal; apply add_comm.
Qed.

Lemma sum_mul_l n c (f : nat -> R) : sum n (fun i => c * f i) = c * sum n f.
Proof.
  induction n as [|n IH]; simpl; [symmetry; apply mul_0_r|].
  rewrite IH, mul_add_l; reflexivity.
Qed.

Lemma sum_mul_r n c (f : nat -> R) : sum n (fun i => f i * c) = sum n f * c.
Proof.
  induction n as [|n IH]; simpl; [symmetry; apply mul_0_l|].
  rewrite IH, mul_add_r; reflexivity.
Qed.

Lemma sum_zero n : sum n (fun _ => 0) = 0.
Proof. induction n as [|n IH]; simpl; [reflexivity|rewrite IH; apply add_0_l]. Qed.

Lemma sum_swap m n (f : nat -> nat -> R) :
  sum m (fun i => sum n (fun j => f i j)) = sum n (fun j => sum m (fun i => f i j)).
Proof.
  induction m as [|m IH]; simpl; [symmetry; apply sum_zero|].
  rewrite IH, <- sum_add; reflexivity.
Qed.
End Laws.

Lemma comm_semi_ring_theory {R} `{C : CommSemiring R} :
  semi_ring_theory (@zero R _) one add mul eq.
Proof.
  constructor; intros; auto using add_0_l, add_comm, add_assoc, mul_1_l, mul_0_l,
    mul_comm, mul_assoc, mul_add_r.
Qed.

Lemma comm_ring_theory {R} `{C : CommRing R} :
  ring_theory (@zero R _) one add mul (fun x y => x + opp y) opp eq.
Proof.
  constructor; intros; auto using add_0_l, add_comm, add_assoc, mul_1_l, mul_comm,
    mul_assoc, mul_add_r, add_opp_r.
Qed.

(** The integers are such a ring; the extracted program computes in them. *)
Global Instance Z_ops : Ops Z := { zero := 0%Z; one := 1%Z; add := Z.add; mul := Z.mul }.

Global Instance Z_comm_semiring : CommSemiring Z.
Proof.
  constructor; [constructor|]; cbv [add mul zero one Z_ops]; intros; ring.
Qed.

Global Instance Z_comm_ring : CommRing Z.
Proof.
  apply (Build_CommRing Z Z_ops _ Z.opp); cbv [add zero Z_ops]; intros; ring.
Defined.

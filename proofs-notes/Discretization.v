(** The partial derivatives of S5's discretizations over the reals.

    Main results: [bilinear_a_da], [bilinear_a_de], [bilinear_b_dd], [bilinear_b_da], [zoh_a_da], [zoh_a_de],
    [zoh_b_dd], [zoh_b_da]; [bilinear_b_dd_forms] (two forms that kernels use are one number). The dirac rule has
    zoh's multiplier and the constant 1. They are the partials that [parameter_adjoint] takes.
    Real eigenvalues. Depends on: Coquelicot. *)
From Coq Require Import Reals Lra.
From Coquelicot Require Import Coquelicot.
Open Scope R_scope.

(** Multipliers and input factors: step e for the state, d for the input. *)
Definition bilinear_a a e := (1 + e * a / 2) / (1 - e * a / 2).
Definition bilinear_b a d := d / (1 - d * a / 2).
Definition zoh_a a e := exp (e * a).
Definition zoh_b a d := (exp (d * a) - 1) / a.

Section Bilinear.
Variables a e : R.
Hypothesis no_pole : 1 - e * a / 2 <> 0.
Let r := / (1 - e * a / 2).

Theorem bilinear_a_da : is_derive (fun x => bilinear_a x e) a (e * r ^ 2).
Proof. unfold bilinear_a, r; auto_derive; [exact no_pole|field; lra]. Qed.

Theorem bilinear_a_de : is_derive (fun x => bilinear_a a x) e (a * r ^ 2).
Proof. unfold bilinear_a, r; auto_derive; [exact no_pole|field; lra]. Qed.

Theorem bilinear_b_dd : is_derive (fun x => bilinear_b a x) e (r ^ 2).
Proof. unfold bilinear_b, r; auto_derive; [exact no_pole|field; lra]. Qed.

Theorem bilinear_b_da : is_derive (fun x => bilinear_b x e) a (e ^ 2 / 2 * r ^ 2).
Proof. unfold bilinear_b, r; auto_derive; [exact no_pole|field; lra]. Qed.

Theorem bilinear_b_dd_forms : r + e * (a / 2) * r ^ 2 = r ^ 2.
Proof. unfold r; field; lra. Qed.
End Bilinear.

Theorem zoh_a_da a e : is_derive (fun x => zoh_a x e) a (e * zoh_a a e).
Proof. unfold zoh_a; auto_derive; [trivial|ring]. Qed.

Theorem zoh_a_de a e : is_derive (fun x => zoh_a a x) e (a * zoh_a a e).
Proof. unfold zoh_a; auto_derive; [trivial|ring]. Qed.

Theorem zoh_b_dd a d : a <> 0 -> is_derive (fun x => zoh_b a x) d (zoh_a a d).
Proof. intros H; unfold zoh_b, zoh_a; auto_derive; [exact I|field; exact H]. Qed.

Theorem zoh_b_da a d : a <> 0 -> is_derive (fun x => zoh_b x d) a ((d * zoh_a a d - zoh_b a d) / a).
Proof. intros H; unfold zoh_b, zoh_a; auto_derive; [exact H|field; exact H]. Qed.

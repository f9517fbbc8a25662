(** Backward recurrences are adjoints: dot-product identities over a commutative ring.

    Main results: [tangent_is_dual] (the tangent recurrence is the derivative, read off dual numbers),
    [scan_adjoint] (for any tangent of the multipliers, the summands and h0),
    [parameter_adjoint] (multipliers and summands that depend on parameters with given partials: S5, Mamba),
    [ssm_adjoint] (dA, dB, dX, dH0 of the diagonal state space), [s4_adjoint] (through both projections).
    Depends on: Semiring, Affine, StateSpace. *)
From Coq Require Import List Arith Lia.
From Exactscan Require Import Semiring Affine StateSpace.
Import ListNotations.

Section Adjoint.
Context {R : Type} {O : Ops R} {CR : CommRing R}.
Add Ring ring_R : comm_ring_theory.

(** Σ x_t y_t *)
Fixpoint dotl (xs ys : list R) : R :=
  match xs, ys with x :: xs', y :: ys' => x * y + dotl xs' ys' | _, _ => 0 end.

(** A step h' = a h + b together with a tangent (da, db) of its coefficients. *)
Record step := Step { sa : R; sb : R; sda : R; sdb : R }.
Definition primal (s : step) : transition R := Transition (sa s) (sb s).

(** dh' = a dh + (da h + db) *)
Fixpoint scan_tangent (h dh : R) (l : list step) : list R :=
  match l with
  | [] => []
  | s :: rest =>
      let dh1 := sa s * dh + (sda s * h + sdb s) in
      dh1 :: scan_tangent (apply (primal s) h) dh1 rest
  end.

(** a_1 λ_1 for the first step and the first λ; zero when there is none. *)
Definition carried (l : list step) (lam : list R) : R :=
  match l, lam with s :: _, x :: _ => sa s * x | _, _ => 0 end.
(** λ_t = g_t + a_{t+1} λ_{t+1} *)
Fixpoint backward (l : list step) (g : list R) : list R :=
  match l, g with
  | _ :: rest, gt :: gs => let lam := backward rest gs in (gt + carried rest lam) :: lam
  | _, _ => []
  end.
(** Σ λ_t (da_t h_{t-1} + db_t) *)
Fixpoint pull (h : R) (l : list step) (lam : list R) : R :=
  match l, lam with
  | s :: rest, x :: xs => x * (sda s * h + sdb s) + pull (apply (primal s) h) rest xs
  | _, _ => 0
  end.

Theorem scan_adjoint l : forall h dh g, length g = length l ->
  dotl g (scan_tangent h dh l) = carried l (backward l g) * dh + pull h l (backward l g).
Proof.
  induction l as [|s rest IH]; intros h dh [|gt gs] E; try discriminate; simpl; [ring|].
  rewrite IH by (simpl in E; lia); ring.
Qed.

(** The gradient of each coefficient: dB_t = λ_t, dA_t = λ_t h_{t-1}, and of parameters θ_t
    with da_t = pa_t dθ_t, db_t = pb_t dθ_t. *)
Fixpoint parameter_gradient (h : R) (l : list (transition R * (R * R))) (lam : list R) : list R :=
  match l, lam with
  | (tr, (pa, pb)) :: rest, x :: xs => (x * h * pa + x * pb) :: parameter_gradient (apply tr h) rest xs
  | _, _ => []
  end.
Definition parameter_step (p : transition R * (R * R)) (dtheta : R) : step :=
  Step (ta (fst p)) (tb (fst p)) (fst (snd p) * dtheta) (snd (snd p) * dtheta).
Fixpoint parameter_steps (l : list (transition R * (R * R))) (dtheta : list R) : list step :=
  match l, dtheta with
  | p :: rest, d :: ds => parameter_step p d :: parameter_steps rest ds
  | _, _ => []
  end.

Theorem parameter_adjoint l : forall h dtheta lam,
  length dtheta = length l -> length lam = length l ->
  pull h (parameter_steps l dtheta) lam = dotl (parameter_gradient h l lam) dtheta.
Proof.
  induction l as [|[tr [pa pb]] rest IH]; intros h [|d ds] [|x xs] E1 E2; try discriminate; [reflexivity|].
  simpl; rewrite IH by (simpl in *; lia).
  replace (primal (parameter_step (tr, (pa, pb)) d)) with tr by (destruct tr; reflexivity).
  ring.
Qed.

(** ** The tangent is the derivative: dual numbers x + ε dx with ε² = 0 *)
Record dual := Dual { re : R; eps : R }.
Global Instance dual_ops : Ops dual := {
  zero := Dual 0 0; one := Dual 1 0;
  add x y := Dual (re x + re y) (eps x + eps y);
  mul x y := Dual (re x * re y) (re x * eps y + eps x * re y) }.
Definition lift (s : step) : transition dual := Transition (Dual (sa s) (sda s)) (Dual (sb s) (sdb s)).

Theorem tangent_is_dual l : forall h dh,
  map re (scalar_affine_scan (Dual h dh) (map lift l)) = scalar_affine_scan h (map primal l) /\
  map eps (scalar_affine_scan (Dual h dh) (map lift l)) = scan_tangent h dh l.
Proof.
  induction l as [|s rest IH]; intros h dh; [split; reflexivity|].
  cbn [map scalar_affine_scan].
  assert (apply (lift s) (Dual h dh)
          = Dual (apply (primal s) h) (sa s * dh + (sda s * h + sdb s))) as ->.
  { unfold apply, lift, primal; cbn; f_equal; ring. }
  destruct (IH (apply (primal s) h) (sa s * dh + (sda s * h + sdb s))) as [E1 E2].
  cbn [re eps]; rewrite E1, E2; split; reflexivity.
Qed.

(** ** Diagonal state space, one channel: h_t = A h_{t-1} + B x_t *)
Record gradients := Gradients { gA : R; gB : R; gX : list R; gH0 : R }.
Fixpoint ssm_backward (A B h : R) (xs dy : list R) : gradients :=
  match xs, dy with
  | x :: xs', d :: dy' =>
      let r := ssm_backward A B (A * h + B * x) xs' dy' in
      let g := d + gH0 r in
      Gradients (g * h + gA r) (g * x + gB r) (g * B :: gX r) (g * A)
  | _, _ => Gradients 0 0 [] 0
  end.
(** Tangent of the states in the direction (tA, tB, tx, th). *)
Fixpoint ssm_tangent (A B tA tB h th : R) (xs txs : list R) : list R :=
  match xs, txs with
  | x :: xs', tx :: txs' =>
      let th1 := A * th + (tA * h + (tB * x + B * tx)) in
      th1 :: ssm_tangent A B tA tB (A * h + B * x) th1 xs' txs'
  | _, _ => []
  end.

Theorem ssm_adjoint A B tA tB xs : forall h th txs dy,
  length txs = length xs -> length dy = length xs ->
  let r := ssm_backward A B h xs dy in
  dotl dy (ssm_tangent A B tA tB h th xs txs)
  = gA r * tA + gB r * tB + dotl (gX r) txs + gH0 r * th.
Proof.
  induction xs as [|x xs IH]; intros h th [|tx txs] [|d dy] E1 E2; try discriminate; simpl; [ring|].
  rewrite IH by (simpl in *; lia); simpl; ring.
Qed.

(** ** Diagonal S4: the outputs are linear in the inputs and the initial state *)
Variables (p : s4 (R := R)) (outs : nat).
Let A := sA (s4Ssm p). Let B := sB (s4Ssm p). Let C := sC (s4Ssm p). Let D := sD (s4Ssm p).

(** One step back: [c] is what later outputs ask of the state. *)
Definition s4_back_step (dy c : nat -> R) : (nat -> R) * (nat -> R) :=
  let dr n := sum outs (fun o => s4Out p n o * dy o) in
  let lam n := C n * dr n + c n in
  let ds n := D n * dr n + B n * lam n in
  (fun i => sum (s4N p) (fun n => s4In p i n * ds n), fun n => A n * lam n).
Fixpoint s4_back (dys : list (nat -> R)) : list (nat -> R) * (nat -> R) :=
  match dys with
  | [] => ([], fun _ => 0)
  | dy :: rest =>
      let (dxs, c) := s4_back rest in
      let (dx, c1) := s4_back_step dy c in (dx :: dxs, c1)
  end.
Fixpoint pair_sum (n : nat) (us vs : list (nat -> R)) : R :=
  match us, vs with
  | u :: us', v :: vs' => sum n (fun i => u i * v i) + pair_sum n us' vs'
  | _, _ => 0
  end.

Lemma bilinear_swap m n (u v : nat -> R) (w : nat -> nat -> R) :
  sum m (fun i => u i * sum n (fun j => v j * w j i)) = sum n (fun j => v j * sum m (fun i => w j i * u i)).
Proof.
  transitivity (sum m (fun i => sum n (fun j => u i * (v j * w j i)))).
  { apply sum_ext; intros; symmetry; apply sum_mul_l. }
  rewrite sum_swap; apply sum_ext; intros.
  rewrite <- sum_mul_l; apply sum_ext; intros; ring.
Qed.

Lemma s4_back_step_correct dy c h x :
  let (h1, y) := s4_step p h x in
  let (dx, c1) := s4_back_step dy c in
  sum outs (fun o => dy o * y o) + sum (s4N p) (fun n => c n * h1 n)
  = sum (s4I p) (fun i => dx i * x i) + sum (s4N p) (fun n => c1 n * h n).
Proof.
  unfold s4_step, s4_back_step, vec_mat, ssm_readout, ssm_step; fold A B C D.
  set (dr := fun n => sum outs (fun o => s4Out p n o * dy o)).
  set (s := fun j => sum (s4I p) (fun i => x i * s4In p i j)).
  rewrite bilinear_swap; fold dr.
  set (ds := fun n => D n * dr n + B n * (C n * dr n + c n)).
  replace (sum (s4I p) (fun i => sum (s4N p) (fun n => s4In p i n * ds n) * x i))
    with (sum (s4N p) (fun n => ds n * s n)).
  - rewrite <- !sum_add; apply sum_ext; intros n _; unfold ds, s, dr; ring.
  - unfold s; rewrite bilinear_swap; apply sum_ext; intros; ring.
Qed.

Theorem s4_adjoint dys : forall h xs, length xs = length dys ->
  pair_sum outs dys (snd (run_list (s4_step p) h xs))
  = pair_sum (s4I p) (fst (s4_back dys)) xs + sum (s4N p) (fun n => snd (s4_back dys) n * h n).
Proof.
  induction dys as [|dy rest IH]; intros h [|x xs] E; try discriminate.
  - cbn [s4_back fst snd pair_sum run_list].
    rewrite (sum_ext _ (fun n => 0 * h n) (fun _ => 0)) by (intros; apply mul_0_l).
    rewrite sum_zero, add_0_l; reflexivity.
  - rewrite run_list_cons; cbn [pair_sum fst snd].
    rewrite IH by (simpl in E; lia); cbn [s4_back].
    destruct (s4_back rest) as [dxs c]; cbn [fst snd].
    pose proof (s4_back_step_correct dy c h x) as K.
    destruct (s4_step p h x) as [h1 y]; destruct (s4_back_step dy c) as [dx c1].
    cbn [fst snd pair_sum] in *.
    transitivity ((sum outs (fun o => dy o * y o) + sum (s4N p) (fun n => c n * h1 n))
                  + pair_sum (s4I p) dxs xs); [ring|].
    rewrite K; ring.
Qed.
End Adjoint.

(** Diagonal state spaces, diagonal S4 and both Mamba blocks; causality of all of them.

    Main results: [transition_apply_eq_step], [ssm_scan_nil], [ssm_scan_cons], [run_list_nil],
    [run_list_cons], [run_list_outputs_length], and [s4_causal], [compact_mamba_causal],
    [selective_mamba_causal]: later tokens never change earlier outputs.
    The activations sigmoid, silu, softplus and the decay exp(-(delta A)) are arbitrary functions.
    Any semiring. Depends on: Semiring, Affine. *)
From Coq Require Import List.
From Exactscan Require Import Semiring Affine.
Import ListNotations.

(** ** A machine that reads a token and gives an output *)
Section Machine.
Context {S X Y : Type} (step : S -> X -> S * Y).

Fixpoint run_list (s : S) (xs : list X) : S * list Y :=
  match xs with
  | [] => (s, [])
  | x :: rest =>
      let (s1, y) := step s x in
      let (s2, ys) := run_list s1 rest in (s2, y :: ys)
  end.

Theorem run_list_nil s : run_list s [] = (s, []).
Proof. reflexivity. Qed.

Theorem run_list_cons s x xs :
  run_list s (x :: xs)
  = (fst (run_list (fst (step s x)) xs), snd (step s x) :: snd (run_list (fst (step s x)) xs)).
Proof.
  simpl; destruct (step s x) as [s1 y]; simpl.
  destruct (run_list s1 xs); reflexivity.
Qed.

Theorem run_list_outputs_length s xs : length (snd (run_list s xs)) = length xs.
Proof.
  revert s; induction xs as [|x xs IH]; intros s; [reflexivity|].
  rewrite run_list_cons; simpl; rewrite IH; reflexivity.
Qed.

Theorem run_list_append s xs ys :
  run_list s (xs ++ ys)
  = (fst (run_list (fst (run_list s xs)) ys),
     snd (run_list s xs) ++ snd (run_list (fst (run_list s xs)) ys)).
Proof.
  revert s; induction xs as [|x xs IH]; intros s.
  - simpl; destruct (run_list s ys); reflexivity.
  - rewrite <- app_comm_cons, !run_list_cons, IH; reflexivity.
Qed.

Theorem run_list_append_outputs_prefix s xs ys :
  firstn (length xs) (snd (run_list s (xs ++ ys))) = snd (run_list s xs).
Proof.
  rewrite run_list_append; simpl.
  rewrite <- (run_list_outputs_length s xs) at 1.
  rewrite <- (PeanoNat.Nat.add_0_r (length _)), firstn_app_2; simpl; apply app_nil_r.
Qed.
End Machine.

Section StateSpace.
Context {R : Type} {O : Ops R}.
(** A vector of size n is a function that is read at 0, ..., n-1 only. *)
Definition vec := nat -> R.
Definition mat := nat -> nat -> R.
Definition vec_mat (rows : nat) (x : vec) (m : mat) : vec := fun j => sum rows (fun i => x i * m i j).

Record ssm := SSM { sA : vec; sB : vec; sC : vec; sD : vec }.
Definition ssm_step (m : ssm) (h x : vec) : vec := fun i => sA m i * h i + sB m i * x i.
Definition ssm_readout (m : ssm) (h x : vec) : vec := fun i => sC m i * h i + sD m i * x i.
Definition ssm_transition (m : ssm) (x : vec) : diagonal := Diagonal (sA m) (fun i => sB m i * x i).
Definition ssm_scan (m : ssm) (h0 : vec) (xs : list vec) : list vec :=
  diagonal_selective_scan h0 (map (ssm_transition m) xs).

Theorem transition_apply_eq_step m h x : diagonal_apply (ssm_transition m x) h = ssm_step m h x.
Proof. reflexivity. Qed.
Theorem ssm_scan_nil m h0 : ssm_scan m h0 [] = [].
Proof. reflexivity. Qed.
Theorem ssm_scan_cons m h0 x xs :
  ssm_scan m h0 (x :: xs) = ssm_step m h0 x :: ssm_scan m (ssm_step m h0 x) xs.
Proof. reflexivity. Qed.

(** ** Diagonal S4: y_t reads the state after the update. *)
Record s4 := S4 { s4I : nat; s4N : nat; s4In : mat; s4Out : mat; s4Ssm : ssm }.
Definition s4_step (p : s4) (h x : vec) : vec * vec :=
  let s := vec_mat (s4I p) x (s4In p) in
  let h1 := ssm_step (s4Ssm p) h s in
  (h1, vec_mat (s4N p) (ssm_readout (s4Ssm p) h1 s) (s4Out p)).

Theorem s4_causal p h xs ys :
  firstn (length xs) (snd (run_list (s4_step p) h (xs ++ ys))) = snd (run_list (s4_step p) h xs).
Proof. apply run_list_append_outputs_prefix. Qed.

Theorem s4_state_eq_scan p h xs :
  fst (run_list (s4_step p) h xs)
  = run_diagonal_transitions h
      (map (fun x => ssm_transition (s4Ssm p) (vec_mat (s4I p) x (s4In p))) xs).
Proof.
  revert h; induction xs as [|x xs IH]; intros h; [reflexivity|].
  rewrite run_list_cons; simpl; rewrite IH; reflexivity.
Qed.

(** ** Mamba block with a gate *)
Variables sigmoid silu softplus : R -> R.
Variable decay : R -> R -> R.   (* exp(-(delta * A)) *)

Record compact_mamba := CompactMamba { cmBase : s4; cmGate : mat }.
Definition compact_mamba_step (p : compact_mamba) (h x : vec) : vec * vec :=
  let b := cmBase p in
  let s := vec_mat (s4I b) x (s4In b) in
  let h1 := ssm_step (s4Ssm b) h s in
  let gate := vec_mat (s4I b) x (cmGate p) in
  let r := ssm_readout (s4Ssm b) h1 s in
  (h1, vec_mat (s4N b) (fun i => r i * sigmoid (gate i)) (s4Out b)).

Theorem compact_mamba_causal p h xs ys :
  firstn (length xs) (snd (run_list (compact_mamba_step p) h (xs ++ ys)))
  = snd (run_list (compact_mamba_step p) h xs).
Proof. apply run_list_append_outputs_prefix. Qed.

Theorem compact_mamba_state_eq_scan p h xs :
  fst (run_list (compact_mamba_step p) h xs)
  = run_diagonal_transitions h
      (map (fun x => ssm_transition (s4Ssm (cmBase p))
                       (vec_mat (s4I (cmBase p)) x (s4In (cmBase p)))) xs).
Proof.
  revert h; induction xs as [|x xs IH]; intros h; [reflexivity|].
  rewrite run_list_cons; simpl; rewrite IH; reflexivity.
Qed.

(** ** Selective Mamba block: short convolution, data-dependent step, state of size E x N *)
Record selective_mamba := SelectiveMamba {
  smI : nat; smE : nat; smN : nat; smW : nat;
  xProj : mat; zProj : mat; convKernel : mat; convBias : vec; dtProj : mat; dtBias : vec;
  rateA : mat; bProj : mat; cProj : mat; dSkip : vec; outProj : mat }.

(** The newest token first; missing entries are zero. *)
Definition tap (history : list vec) (k : nat) : vec := nth k history (fun _ => 0).
Definition selective_mamba_inputs p (history : list vec) :=
  let u c := silu (convBias p c + sum (smW p) (fun k => tap history k c * convKernel p k c)) in
  let delta c := softplus (vec_mat (smE p) u (dtProj p) c + dtBias p c) in
  (u, delta, vec_mat (smE p) u (bProj p), vec_mat (smE p) u (cProj p)).
Definition selective_mamba_transition p (history : list vec) : diagonal (I := nat * nat) :=
  let '(u, delta, B, _) := selective_mamba_inputs p history in
  Diagonal (fun dn => decay (delta (fst dn)) (rateA p (fst dn) (snd dn)))
           (fun dn => (delta (fst dn) * B (snd dn)) * u (fst dn)).
Definition selective_mamba_step p (s : (nat * nat -> R) * list vec) (x : vec) :=
  let history := vec_mat (smI p) x (xProj p) :: snd s in
  let z := vec_mat (smI p) x (zProj p) in
  let '(u, _, _, C) := selective_mamba_inputs p history in
  let h := diagonal_apply (selective_mamba_transition p history) (fst s) in
  let y d := dSkip p d * u d + sum (smN p) (fun n => h (d, n) * C n) in
  ((h, history), vec_mat (smE p) (fun d => y d * silu (z d)) (outProj p)).

Theorem selective_mamba_causal p s xs ys :
  firstn (length xs) (snd (run_list (selective_mamba_step p) s (xs ++ ys)))
  = snd (run_list (selective_mamba_step p) s xs).
Proof. apply run_list_append_outputs_prefix. Qed.

(** The histories that the tokens of [xs] see, and the state as an affine scan over them. *)
Fixpoint histories p (past : list vec) (xs : list vec) : list (list vec) :=
  match xs with
  | [] => []
  | x :: rest => let h := vec_mat (smI p) x (xProj p) :: past in h :: histories p h rest
  end.

Theorem selective_mamba_state_eq_scan p s xs :
  fst (fst (run_list (selective_mamba_step p) s xs))
  = run_diagonal_transitions (fst s)
      (map (selective_mamba_transition p) (histories p (snd s) xs)).
Proof.
  revert s; induction xs as [|x xs IH]; intros s; [reflexivity|].
  rewrite run_list_cons; simpl; rewrite IH; reflexivity.
Qed.
End StateSpace.

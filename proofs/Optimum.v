(* T1 and T5: where the objective ends, and what that says of a KL budget. *)

From Coq Require Import Reals Lra Lia Psatz.
From Coquelicot Require Import Coquelicot.
From Sharpening Require Import Setting.
Open Scope R_scope.

(* T1.  For tau > 0: J(pi-star) - J(pi) = tau KL(pi || pi-star) for every policy pi, pi-star = q(c/tau, w/tau). *)
Theorem T1_suboptimality_is_tau_times_kl :
  forall n p r w c tau pi, reference n p -> policy n pi -> 0 < tau ->
  let optimum := q n p r (c / tau) (w / tau) in
  J n p r w c tau optimum - J n p r w c tau pi = tau * KL n pi optimum.
Proof.
  intros n p r w c tau pi hp hpi ht optimum.
  assert (every : forall mu, policy n mu ->
    J n p r w c tau mu = tau * Phi n p r (c / tau) (w / tau) - tau * KL n mu optimum).
  { intros mu hmu. unfold J, H, KL.
    rewrite (sum_ext n (fun y => mu y * (ln (mu y) - ln (optimum y)))
      (fun y => mu y * ln (mu y) - mu y * (c / tau * log p y + w / tau * r y + - Phi n p r (c / tau) (w / tau)))).
    2: { intros y hy. unfold optimum. rewrite ln_q by exact hp. unfold score, log. ring. }
    rewrite sum_minus. fold (E n mu (fun y => c / tau * log p y + w / tau * r y + - Phi n p r (c / tau) (w / tau))).
    rewrite 2!E_plus, 2!E_scale, E_const by exact hmu. field. lra. }
  rewrite (every optimum), (every pi) by (try apply q_policy; assumption).
  replace (KL n optimum optimum) with 0; [ring|].
  unfold KL. rewrite (sum_ext n _ (fun _ => 0)), sum_zero by (intros; ring). reflexivity.
Qed.

(* T1.  So pi-star is the one maximiser. *)
Theorem T1_the_optimum_is_the_one_maximiser :
  forall n p r w c tau pi, reference n p -> policy n pi -> 0 < tau ->
  let optimum := q n p r (c / tau) (w / tau) in
  J n p r w c tau pi <= J n p r w c tau optimum /\
  (J n p r w c tau pi = J n p r w c tau optimum -> forall y, (y < n)%nat -> pi y = optimum y).
Proof.
  intros n p r w c tau pi hp hpi ht optimum.
  assert (gap := T1_suboptimality_is_tau_times_kl n p r w c tau pi hp hpi ht). simpl in gap. fold optimum in gap.
  assert (hq : reference n optimum) by (apply q_reference, hp).
  assert (pos := KL_nonneg n pi optimum hpi hq).
  assert (0 <= tau * KL n pi optimum) by (apply Rmult_le_pos; lra).
  split; [lra|]. intros e. apply KL_zero; try assumption.
  apply Rmult_eq_reg_l with tau; lra.
Qed.

Lemma J_of_kl n p r b pi : J n p r b 1 1 pi = b * E n pi r - KL n pi p.
Proof.
  unfold J, H. replace (KL n pi p) with (sum n (fun y => pi y * ln (pi y)) - E n pi (log p)); [ring|].
  unfold E. rewrite <- sum_minus. apply sum_ext. intros; unfold log; ring.
Qed.

(* T5.  With no more KL to the reference than q(1, b) has, b > 0, no policy has a higher mean reward, and none but
   q(1, b) itself has as high a one. *)
Theorem T5_no_policy_beats_the_tilt_at_its_budget :
  forall n p r b pi, reference n p -> policy n pi -> 0 < b ->
  KL n pi p <= KL n (q n p r 1 b) p ->
  E n pi r <= E n (q n p r 1 b) r /\
  (E n pi r = E n (q n p r 1 b) r -> forall y, (y < n)%nat -> pi y = q n p r 1 b y).
Proof.
  intros n p r b pi hp hpi hb budget.
  assert (best := T1_the_optimum_is_the_one_maximiser n p r b 1 1 pi hp hpi Rlt_0_1). simpl in best.
  replace (1 / 1) with 1 in best by field. replace (b / 1) with b in best by field.
  rewrite !J_of_kl in best. destruct best as [le eq].
  assert (b * E n pi r <= b * E n (q n p r 1 b) r) by lra.
  split; [apply Rmult_le_reg_l with b; lra|].
  intros e. apply eq. rewrite e in *. lra.
Qed.

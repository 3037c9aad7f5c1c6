(* T8: the natural-gradient flow and mirror ascent walk a straight line of the (alpha, b) plane. *)

From Coq Require Import Reals Lra Lia Psatz.
From Coquelicot Require Import Coquelicot.
From Sharpening Require Import Setting Moments.
Open Scope R_scope.

(* The return of J, less a constant: its functional derivative at pi *)
Definition return_of (p r : nat -> R) (w c tau : R) (pi : nat -> R) (y : nat) : R :=
  w * r y + c * ln (p y) - tau * ln (pi y).

(* The line from (1, 0) to (c/tau, w/tau), s of the way still to go *)
Definition line_alpha (c tau s : R) : R := s + (1 - s) * (c / tau).
Definition line_b (w tau s : R) : R := (1 - s) * (w / tau).

(* d/dt pi(y) = pi(y) (R(y) - E_pi R): the natural gradient of J on the simplex *)
Definition natural_gradient_flow n p r w c tau (pi : R -> nat -> R) : Prop :=
  forall t y, (y < n)%nat ->
  is_derive (fun u => pi u y) t
    (pi t y * (return_of p r w c tau (pi t) y - E n (pi t) (return_of p r w c tau (pi t)))).

Lemma moving_point n p r w c tau (a b : R -> R) :
  reference n p ->
  (forall t, is_derive a t (c - tau * a t)) -> (forall t, is_derive b t (w - tau * b t)) ->
  natural_gradient_flow n p r w c tau (fun t => q n p r (a t) (b t)).
Proof.
  intros hp ha hb t y hy. set (pi := q n p r (a t) (b t)).
  set (s' := fun y => (c - tau * a t) * log p y + (w - tau * b t) * r y).
  assert (same : forall y, return_of p r w c tau pi y = s' y + tau * Phi n p r (a t) (b t)).
  { intros z. unfold return_of, s', pi, log. rewrite ln_q by exact hp. unfold score. ring. }
  rewrite (E_ext n pi _ (fun y => s' y + tau * Phi n p r (a t) (b t))) by (intros; apply same).
  rewrite E_plus, E_const by (apply q_policy, hp).
  replace (pi y * (return_of p r w c tau pi y - (E n pi s' + tau * Phi n p r (a t) (b t))))
    with (pi y * (s' y - E n pi s')) by (rewrite same; ring).
  apply (softmax_derive n (fun u => score p r (a u) (b u)) s'); [apply (reference_n n p hp)|exact hy|].
  intros z hz. apply score_derive; [apply ha|apply hb].
Qed.

Lemma decay_derive tau t : is_derive (fun u => exp (- tau * u)) t (- tau * exp (- tau * t)).
Proof.
  replace (- tau * exp (- tau * t)) with (scal (- tau) (exp (- tau * t)))
    by (unfold scal; simpl; unfold mult; simpl; ring).
  apply (is_derive_comp exp (fun u => - tau * u)); [apply is_derive_Reals, derivable_pt_lim_exp|].
  apply (is_derive_ext (fun u => u * - tau)); [intros; apply Rmult_comm|apply linear_derive].
Qed.

Lemma affine_decay_derive tau u v t :
  is_derive (fun x => u + v * exp (- tau * x)) t (v * (- tau * exp (- tau * t))).
Proof.
  replace (v * (- tau * exp (- tau * t))) with (0 + v * (- tau * exp (- tau * t))) by ring.
  apply (is_derive_plus (fun _ => u) (fun x => v * exp (- tau * x))); [apply (is_derive_const u t)|].
  apply (is_derive_scal (fun x => exp (- tau * x))), decay_derive.
Qed.

(* T8.  For tau <> 0 the flow from p is at the share s = e^(-tau t) of the line. *)
Theorem T8_the_flow_walks_the_line :
  forall n p r w c tau, reference n p -> tau <> 0 ->
  let pi := fun t => q n p r (line_alpha c tau (exp (- tau * t))) (line_b w tau (exp (- tau * t))) in
  natural_gradient_flow n p r w c tau pi /\ (forall y, (y < n)%nat -> pi 0 y = p y).
Proof.
  intros n p r w c tau hp ht pi. split.
  - apply moving_point; [exact hp| |]; intros t.
    + apply (is_derive_ext (fun x => c / tau + (1 - c / tau) * exp (- tau * x))).
      { intros x. in_R. unfold line_alpha. ring. }
      replace (c - tau * line_alpha c tau (exp (- tau * t))) with ((1 - c / tau) * (- tau * exp (- tau * t)))
        by (unfold line_alpha; field; exact ht).
      apply affine_decay_derive.
    + apply (is_derive_ext (fun x => w / tau + (- (w / tau)) * exp (- tau * x))).
      { intros x. in_R. unfold line_b. ring. }
      replace (w - tau * line_b w tau (exp (- tau * t))) with (- (w / tau) * (- tau * exp (- tau * t)))
        by (unfold line_b; field; exact ht).
      apply affine_decay_derive.
  - intros y hy. unfold pi. rewrite Rmult_0_r, exp_0. unfold line_alpha, line_b.
    replace (1 + (1 - 1) * (c / tau)) with 1 by ring. replace ((1 - 1) * (w / tau)) with 0 by ring.
    apply q_base; assumption.
Qed.

(* T8.  For tau = 0 it is at (1 + c t, w t). *)
Theorem T8_the_flow_without_entropy :
  forall n p r w c, reference n p ->
  let pi := fun t => q n p r (1 + c * t) (w * t) in
  natural_gradient_flow n p r w c 0 pi /\ (forall y, (y < n)%nat -> pi 0 y = p y).
Proof.
  intros n p r w c hp pi. split.
  - apply (moving_point n p r w c 0 (fun t => 1 + c * t) (fun t => w * t)); [exact hp| |]; intros t.
    + replace (c - 0 * (1 + c * t)) with (0 + c) by ring.
      apply (is_derive_plus (fun _ => 1) (fun u => c * u)); [apply (is_derive_const 1 t)|].
      apply (is_derive_ext (fun u => u * c)); [intros; apply Rmult_comm|apply linear_derive].
    + replace (w - 0 * (w * t)) with w by ring.
      apply (is_derive_ext (fun u => u * w)); [intros; apply Rmult_comm|apply linear_derive].
  - intros y hy. unfold pi. rewrite !Rmult_0_r, Rplus_0_r. apply q_base; assumption.
Qed.

(* A step of mirror ascent: pi(y) e^(eta R(y)), normalised *)
Definition mirror_step n p r w c tau eta (pi : nat -> R) (y : nat) : R :=
  pi y * exp (eta * return_of p r w c tau pi y) / sum n (fun x => pi x * exp (eta * return_of p r w c tau pi x)).

Fixpoint mirror_ascent n p r w c tau eta (k : nat) : nat -> R :=
  match k with O => p | S m => mirror_step n p r w c tau eta (mirror_ascent n p r w c tau eta m) end.

Lemma mirror_step_ext n p r w c tau eta pi mu y :
  (forall y, (y < n)%nat -> pi y = mu y) -> (y < n)%nat ->
  mirror_step n p r w c tau eta pi y = mirror_step n p r w c tau eta mu y.
Proof.
  intros h hy. unfold mirror_step, return_of. rewrite (h y hy). f_equal.
  apply sum_ext. intros x hx. rewrite (h x hx). reflexivity.
Qed.

Lemma mirror_step_of_q n p r w c tau eta alpha b y :
  reference n p -> (y < n)%nat ->
  mirror_step n p r w c tau eta (q n p r alpha b) y
  = q n p r (alpha + eta * (c - tau * alpha)) (b + eta * (w - tau * b)) y.
Proof.
  intros hp hy. set (k := exp ((eta * tau - 1) * Phi n p r alpha b)).
  assert (each : forall x, q n p r alpha b x * exp (eta * return_of p r w c tau (q n p r alpha b) x)
    = k * exp (score p r (alpha + eta * (c - tau * alpha)) (b + eta * (w - tau * b)) x)).
  { intros x. unfold return_of. rewrite ln_q by exact hp.
    rewrite <- (exp_ln (q n p r alpha b x)) at 1 by (apply softmax_pos, (reference_n n p hp)).
    rewrite ln_q by exact hp. unfold k. rewrite <- !exp_plus. f_equal. unfold score. ring. }
  unfold mirror_step. rewrite each.
  rewrite (sum_ext n _ (fun x => k * exp (score p r (alpha + eta * (c - tau * alpha)) (b + eta * (w - tau * b)) x)))
    by (intros; apply each).
  rewrite sum_scale. unfold q at 1, softmax.
  fold (mass n (score p r (alpha + eta * (c - tau * alpha)) (b + eta * (w - tau * b)))).
  assert (hk : 0 < k) by apply exp_pos.
  assert (hz := mass_pos n (score p r (alpha + eta * (c - tau * alpha)) (b + eta * (w - tau * b)))
    (reference_n n p hp)).
  field. split; lra.
Qed.

(* T8.  Mirror ascent from p walks the same line, s = (1 - eta tau)^k after k steps. *)
Theorem T8_mirror_ascent_walks_the_line :
  forall n p r w c tau eta k y, reference n p -> tau <> 0 -> (y < n)%nat ->
  mirror_ascent n p r w c tau eta k y
  = q n p r (line_alpha c tau ((1 - eta * tau) ^ k)) (line_b w tau ((1 - eta * tau) ^ k)) y.
Proof.
  intros n p r w c tau eta k y hp ht. revert y. induction k as [|k IH]; intros y hy.
  - simpl. unfold line_alpha, line_b. replace (1 + (1 - 1) * (c / tau)) with 1 by ring.
    replace ((1 - 1) * (w / tau)) with 0 by ring. symmetry. apply q_base; assumption.
  - simpl mirror_ascent. rewrite (mirror_step_ext n p r w c tau eta _ _ y IH hy), mirror_step_of_q by assumption.
    f_equal; unfold line_alpha, line_b; simpl; field; exact ht.
Qed.

(* How far pi is from the optimum: log(pi/pi-star), compared between two responses so that no constant enters *)
Definition deviation n p r w c tau (pi : nat -> R) (x y : nat) : R :=
  (ln (pi y) - ln (q n p r (c / tau) (w / tau) y)) - (ln (pi x) - ln (q n p r (c / tau) (w / tau) x)).

(* T8.  Along the flow log-ratios to the optimum close in as e^(-tau t): the rate is tau. *)
Theorem T8_log_ratios_close_in_at_the_rate_tau :
  forall n p r w c tau t x y, reference n p -> tau <> 0 -> (x < n)%nat -> (y < n)%nat ->
  let pi := fun t => q n p r (line_alpha c tau (exp (- tau * t))) (line_b w tau (exp (- tau * t))) in
  deviation n p r w c tau (pi t) x y = exp (- tau * t) * deviation n p r w c tau p x y.
Proof.
  intros n p r w c tau t x y hp ht hx hy pi. unfold deviation, pi. rewrite !ln_q by exact hp.
  unfold score, line_alpha, line_b. field. exact ht.
Qed.

(* T8.  From any policy of full support one step of mirror ascent multiplies every deviation by 1 - eta tau. *)
Theorem T8_a_step_multiplies_the_deviation :
  forall n p r w c tau eta pi x y, reference n p -> reference n pi -> tau <> 0 -> (x < n)%nat -> (y < n)%nat ->
  deviation n p r w c tau (mirror_step n p r w c tau eta pi) x y = (1 - eta * tau) * deviation n p r w c tau pi x y.
Proof.
  intros n p r w c tau eta pi x y hp hpi ht hx hy.
  set (k := sum n (fun x => pi x * exp (eta * return_of p r w c tau pi x))).
  assert (hk : 0 < k).
  { apply Rlt_le_trans with (pi x * exp (eta * return_of p r w c tau pi x)).
    - apply Rmult_lt_0_compat; [apply hpi, hx|apply exp_pos].
    - apply (sum_ge_term n (fun x => pi x * exp (eta * return_of p r w c tau pi x))); [|exact hx].
      intros z hz. left. apply Rmult_lt_0_compat; [apply hpi, hz|apply exp_pos]. }
  assert (step : forall z, (z < n)%nat ->
    ln (mirror_step n p r w c tau eta pi z) = ln (pi z) + eta * return_of p r w c tau pi z - ln k).
  { intros z hz. unfold mirror_step. fold k. assert (0 < pi z) by (apply hpi, hz).
    assert (0 < exp (eta * return_of p r w c tau pi z)) by apply exp_pos.
    unfold Rdiv. rewrite !ln_mult, ln_exp, ln_Rinv; try assumption; try ring.
    - apply Rmult_lt_0_compat; assumption.
    - apply Rinv_0_lt_compat, hk. }
  unfold deviation. rewrite !step, !ln_q by assumption. unfold return_of, score. field. exact ht.
Qed.

(* T8.  So mirror ascent settles exactly for 0 < eta tau < 2, and above 1 a deviation changes its sign at each step. *)
Theorem T8_a_step_is_stable_below_two_over_tau :
  forall eta tau,
  (is_lim_seq (fun k => (1 - eta * tau) ^ k) 0 <-> 0 < eta * tau < 2) /\
  (1 < eta * tau -> forall d, d <> 0 -> d * ((1 - eta * tau) * d) < 0).
Proof.
  intros eta tau. split.
  - split.
    + intros l. destruct (Rlt_le_dec (Rabs (1 - eta * tau)) 1) as [lt|ge].
      { apply Rabs_def2 in lt. lra. }
      exfalso. apply is_lim_seq_spec in l. destruct (l (mkposreal 1 Rlt_0_1)) as [N hN].
      assert (h := hN N (Nat.le_refl N)). simpl in h. rewrite Rminus_0_r, <- RPow_abs in h.
      assert (1 <= Rabs (1 - eta * tau) ^ N) by (apply pow_R1_Rle, ge). lra.
    + intros h. apply is_lim_seq_geom, Rabs_def1; lra.
  - intros h d hd. assert (0 < d * d) by nra. nra.
Qed.

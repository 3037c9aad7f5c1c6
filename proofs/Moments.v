(* T2 and T6: the slopes of the plane. *)

From Coq Require Import Reals Lra Lia Psatz.
From Coquelicot Require Import Coquelicot.
From Sharpening Require Import Setting.
Open Scope R_scope.

Lemma score_derive p r (a b : R -> R) a' b' t y :
  is_derive a t a' -> is_derive b t b' -> is_derive (fun u => score p r (a u) (b u) y) t (a' * log p y + b' * r y).
Proof.
  intros ha hb. unfold score, log.
  apply (is_derive_plus (fun u => a u * ln (p y)) (fun u => b u * r y)).
  - apply (is_derive_ext (fun u => ln (p y) * a u)); [intros; apply Rmult_comm|].
    replace (a' * ln (p y)) with (ln (p y) * a') by ring. apply (is_derive_scal a), ha.
  - apply (is_derive_ext (fun u => r y * b u)); [intros; apply Rmult_comm|].
    replace (b' * r y) with (r y * b') by ring. apply (is_derive_scal b), hb.
Qed.

Lemma score_derive_alpha p r alpha b y : is_derive (fun u => score p r u b y) alpha (log p y).
Proof.
  replace (log p y) with (1 * log p y + 0 * r y) by ring.
  apply (score_derive p r (fun u => u) (fun _ => b)); [apply (is_derive_id alpha)|apply (is_derive_const b alpha)].
Qed.

Lemma score_derive_b p r alpha b y : is_derive (fun u => score p r alpha u y) b (r y).
Proof.
  replace (r y) with (0 * log p y + 1 * r y) by ring.
  apply (score_derive p r (fun _ => alpha) (fun u => u)); [apply (is_derive_const alpha b)|apply (is_derive_id b)].
Qed.

(* T2.  The gradient of Phi is (E log p, E r). *)
Theorem T2_gradient_of_the_log_partition :
  forall n p r alpha b, reference n p ->
  is_derive (fun a => Phi n p r a b) alpha (E n (q n p r alpha b) (log p)) /\
  is_derive (fun u => Phi n p r alpha u) b (E n (q n p r alpha b) r).
Proof.
  intros n p r alpha b hp. assert (hn := reference_n n p hp). split.
  - apply (log_mass_derive n (fun u => score p r u b)); [exact hn|]. intros; apply score_derive_alpha.
  - apply (log_mass_derive n (fun u => score p r alpha u)); [exact hn|]. intros; apply score_derive_b.
Qed.

(* T2.  d/dalpha E f = Cov(f, log p) and d/db E f = Cov(f, r) for every f. *)
Theorem T2_slopes_of_a_mean_are_covariances :
  forall n p r alpha b f, reference n p ->
  is_derive (fun a => E n (q n p r a b) f) alpha (Cov n (q n p r alpha b) f (log p)) /\
  is_derive (fun u => E n (q n p r alpha u) f) b (Cov n (q n p r alpha b) f r).
Proof.
  intros n p r alpha b f hp. assert (hn := reference_n n p hp). split.
  - apply (softmax_mean_derive n (fun u => score p r u b)); [exact hn|]. intros; apply score_derive_alpha.
  - apply (softmax_mean_derive n (fun u => score p r alpha u)); [exact hn|]. intros; apply score_derive_b.
Qed.

(* T2.  So the Hessian of Phi, the slopes of its gradient, is the covariance matrix of (log p, r). *)
Theorem T2_hessian_of_the_log_partition :
  forall n p r alpha b, reference n p ->
  is_derive (fun a => Derive (fun a' => Phi n p r a' b) a) alpha (Var n (q n p r alpha b) (log p)) /\
  is_derive (fun u => Derive (fun a' => Phi n p r a' u) alpha) b (Cov n (q n p r alpha b) (log p) r) /\
  is_derive (fun a => Derive (fun u' => Phi n p r a u') b) alpha (Cov n (q n p r alpha b) r (log p)) /\
  is_derive (fun u => Derive (fun u' => Phi n p r alpha u') u) b (Var n (q n p r alpha b) r).
Proof.
  intros n p r alpha b hp.
  assert (first : forall a u, Derive (fun a' => Phi n p r a' u) a = E n (q n p r a u) (log p)).
  { intros a u. apply is_derive_unique, (proj1 (T2_gradient_of_the_log_partition n p r a u hp)). }
  assert (second : forall a u, Derive (fun u' => Phi n p r a u') u = E n (q n p r a u) r).
  { intros a u. apply is_derive_unique, (proj2 (T2_gradient_of_the_log_partition n p r a u hp)). }
  split; [|split; [|split]].
  - apply (is_derive_ext (fun a => E n (q n p r a b) (log p))); [intros; symmetry; apply first|].
    exact (proj1 (T2_slopes_of_a_mean_are_covariances n p r alpha b (log p) hp)).
  - apply (is_derive_ext (fun u => E n (q n p r alpha u) (log p))); [intros; symmetry; apply first|].
    exact (proj2 (T2_slopes_of_a_mean_are_covariances n p r alpha b (log p) hp)).
  - apply (is_derive_ext (fun a => E n (q n p r a b) r)); [intros; symmetry; apply second|].
    exact (proj1 (T2_slopes_of_a_mean_are_covariances n p r alpha b r hp)).
  - apply (is_derive_ext (fun u => E n (q n p r alpha u) r)); [intros; symmetry; apply second|].
    exact (proj2 (T2_slopes_of_a_mean_are_covariances n p r alpha b r hp)).
Qed.

(* T2.  More task reward never lowers the mean reward: its slope along b is Var r >= 0. *)
Theorem T2_more_task_reward_never_lowers_it :
  forall n p r alpha b, reference n p ->
  is_derive (fun u => E n (q n p r alpha u) r) b (Var n (q n p r alpha b) r) /\ 0 <= Var n (q n p r alpha b) r.
Proof.
  intros n p r alpha b hp.
  split; [exact (proj2 (T2_slopes_of_a_mean_are_covariances n p r alpha b r hp))|apply Var_nonneg, q_policy, hp].
Qed.

Lemma E_score n p r alpha b pi : E n pi (score p r alpha b) = alpha * E n pi (log p) + b * E n pi r.
Proof. unfold score. rewrite <- !E_scale, <- E_plus. reflexivity. Qed.

Lemma entropy_of_q n p r alpha b :
  reference n p ->
  H n (q n p r alpha b) = Phi n p r alpha b - (alpha * E n (q n p r alpha b) (log p) + b * E n (q n p r alpha b) r).
Proof.
  intros hp. unfold H. rewrite <- E_score.
  rewrite <- (E_const n (q n p r alpha b) (Phi n p r alpha b)) by (apply q_policy, hp).
  unfold E. rewrite <- sum_minus, <- (Ropp_involutive (sum n (fun y => _ - _))). f_equal.
  set (terms := sum n (fun y => _ - _)). replace (- terms) with (-1 * terms) by ring. unfold terms.
  rewrite <- sum_scale. apply sum_ext. intros y hy. rewrite ln_q by exact hp. ring.
Qed.

Lemma kl_is_cross_less_entropy n pi mu : KL n pi mu = - H n pi - E n pi (log mu).
Proof. unfold KL, H, E. rewrite Ropp_involutive, <- sum_minus. apply sum_ext. intros; unfold log; ring. Qed.

(* T6.  Along alpha the entropy falls at alpha Var(log p), and the distance from p moves at (alpha - 1) Var(log p). *)
Theorem T6_slopes_of_entropy_and_distance :
  forall n p r alpha, reference n p ->
  is_derive (fun a => H n (q n p r a 0)) alpha (- alpha * Var n (q n p r alpha 0) (log p)) /\
  is_derive (fun a => KL n (q n p r a 0) p) alpha ((alpha - 1) * Var n (q n p r alpha 0) (log p)).
Proof.
  intros n p r alpha hp.
  assert (phi := proj1 (T2_gradient_of_the_log_partition n p r alpha 0 hp)).
  assert (mean := proj1 (T2_slopes_of_a_mean_are_covariances n p r alpha 0 (log p) hp)).
  fold (Var n (q n p r alpha 0) (log p)) in mean.
  set (m := fun a => E n (q n p r a 0) (log p)) in *.
  assert (product : is_derive (fun a => a * m a) alpha (m alpha + alpha * Var n (q n p r alpha 0) (log p))).
  { replace (m alpha + alpha * Var n (q n p r alpha 0) (log p))
      with (plus (mult 1 (m alpha)) (mult alpha (Var n (q n p r alpha 0) (log p))))
      by (unfold plus, mult; simpl; ring).
    apply (is_derive_mult (fun a => a) m); [apply (is_derive_id alpha)|exact mean|intros; apply Rmult_comm]. }
  assert (entropy : is_derive (fun a => H n (q n p r a 0)) alpha (- alpha * Var n (q n p r alpha 0) (log p))).
  { apply (is_derive_ext (fun a => Phi n p r a 0 - a * m a)).
    - intros a. in_R. rewrite entropy_of_q by exact hp. unfold m. ring.
    - replace (- alpha * Var n (q n p r alpha 0) (log p))
        with (m alpha - (m alpha + alpha * Var n (q n p r alpha 0) (log p))) by ring.
      apply (is_derive_minus (fun a => Phi n p r a 0) (fun a => a * m a)); assumption. }
  split; [exact entropy|].
  apply (is_derive_ext (fun a => - H n (q n p r a 0) - m a)).
  - intros a. in_R. symmetry. apply kl_is_cross_less_entropy.
  - replace ((alpha - 1) * Var n (q n p r alpha 0) (log p))
      with (- (- alpha * Var n (q n p r alpha 0) (log p)) - Var n (q n p r alpha 0) (log p)) by ring.
    apply (is_derive_minus (fun a => - H n (q n p r a 0)) m); [|exact mean].
    apply (is_derive_opp (fun a => H n (q n p r a 0))), entropy.
Qed.

(* T6.  So the entropy never rises from alpha = 0 on, and the distance from p never shrinks from alpha = 1 on. *)
Theorem T6_entropy_falls_and_distance_grows :
  forall n p r a a', reference n p -> a <= a' ->
  (0 <= a -> H n (q n p r a' 0) <= H n (q n p r a 0)) /\
  (1 <= a -> KL n (q n p r a 0) p <= KL n (q n p r a' 0) p).
Proof.
  intros n p r a a' hp [lt|<-]; [|split; intros; lra]. split; intros ha.
  - destruct (MVT_cor2 (fun x => H n (q n p r x 0)) (fun x => - x * Var n (q n p r x 0) (log p)) a a' lt)
      as [c [e [l u]]].
    { intros x hx. apply is_derive_Reals. exact (proj1 (T6_slopes_of_entropy_and_distance n p r x hp)). }
    assert (v := Var_nonneg n (q n p r c 0) (log p) (q_policy n p r c 0 hp)).
    assert (0 <= c * Var n (q n p r c 0) (log p) * (a' - a)) by (repeat apply Rmult_le_pos; lra). lra.
  - destruct (MVT_cor2 (fun x => KL n (q n p r x 0) p) (fun x => (x - 1) * Var n (q n p r x 0) (log p)) a a' lt)
      as [c [e [l u]]].
    { intros x hx. apply is_derive_Reals. exact (proj2 (T6_slopes_of_entropy_and_distance n p r x hp)). }
    assert (v := Var_nonneg n (q n p r c 0) (log p) (q_policy n p r c 0 hp)).
    assert (0 <= (c - 1) * Var n (q n p r c 0) (log p) * (a' - a)) by (repeat apply Rmult_le_pos; lra). lra.
Qed.

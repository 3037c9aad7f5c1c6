(* T7: how fast sharpening concentrates on a unique mode. *)

From Coq Require Import Reals Lra Lia Psatz.
From Coquelicot Require Import Coquelicot.
From Sharpening Require Import Setting.
Open Scope R_scope.

Lemma sum_split n f y : (y < n)%nat -> sum n f = f y + sum n (fun x => if Nat.eq_dec x y then 0 else f x).
Proof.
  induction n as [|n IH]; simpl; intros hy; [lia|]. destruct (Nat.eq_dec n y) as [->|ne].
  - rewrite (sum_ext y (fun x => if Nat.eq_dec x y then 0 else f x) f); [ring|].
    intros x hx. destruct (Nat.eq_dec x y); [lia|reflexivity].
  - rewrite IH by lia. ring.
Qed.

(* T7.  If y-star has probability p* and every other response at most p*/(1 + gamma), then for alpha >= 1
   1 - q(alpha, 0)(y-star) <= ((1 - p* )/p* ) (1 + gamma)^-(alpha - 1). *)
Theorem T7_mass_off_the_mode :
  forall n p r alpha gamma mode, reference n p -> (mode < n)%nat -> 0 < gamma -> 1 <= alpha ->
  (forall y, (y < n)%nat -> y <> mode -> p y <= p mode / (1 + gamma)) ->
  1 - q n p r alpha 0 mode <= (1 - p mode) / p mode * Rpower (1 + gamma) (- (alpha - 1)).
Proof.
  intros n p r alpha gamma mode hp hm hg ha gap. assert (pm : 0 < p mode) by (apply hp, hm).
  assert (hz := mass_pos n (score p r alpha 0) (reference_n n p hp)).
  set (others := fun f => sum n (fun x => if Nat.eq_dec x mode then 0 else f x)).
  assert (q_split := sum_split n (q n p r alpha 0) mode hm).
  rewrite (proj2 (q_policy n p r alpha 0 hp)) in q_split. fold (others (q n p r alpha 0)) in q_split.
  assert (p_split := sum_split n p mode hm). rewrite (proj2 hp) in p_split. fold (others p) in p_split.
  replace (1 - q n p r alpha 0 mode) with (others (q n p r alpha 0)) by lra.
  replace (1 - p mode) with (others p) by lra.
  replace (others p / p mode * Rpower (1 + gamma) (- (alpha - 1)))
    with (Rpower (1 + gamma) (- (alpha - 1)) / p mode * others p) by (field; lra).
  unfold others. rewrite <- sum_scale. apply sum_le. intros y hy.
  destruct (Nat.eq_dec y mode) as [->|ne]; [lra|].
  assert (py : 0 < p y) by (apply hp, hy).
  (* q(y) <= (p(y)/p* )^alpha = p(y)/p* (p(y)/p* )^(alpha - 1) *)
  apply Rle_trans with (Rpower (p y / p mode) alpha).
  - unfold q, softmax. apply Rmult_le_reg_r with (mass n (score p r alpha 0)); [exact hz|].
    unfold Rdiv at 1. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra.
    assert (big : exp (score p r alpha 0 mode) <= mass n (score p r alpha 0)).
    { apply (sum_ge_term n (fun y => exp (score p r alpha 0 y))); [intros; left; apply exp_pos|exact hm]. }
    apply Rle_trans with (Rpower (p y / p mode) alpha * exp (score p r alpha 0 mode)).
    + right. unfold Rpower, score. rewrite <- exp_plus. f_equal.
      unfold Rdiv. rewrite ln_mult, ln_Rinv; [ring|exact pm|exact py|apply Rinv_0_lt_compat, pm].
    + apply Rmult_le_compat_l; [left; apply exp_pos|exact big].
  - replace (Rpower (p y / p mode) alpha) with (Rpower (p y / p mode) (alpha - 1) * (p y / p mode)).
    2: { rewrite <- (Rpower_1 (p y / p mode)) at 2 by (apply Rdiv_lt_0_compat; assumption).
         rewrite <- Rpower_plus. f_equal. ring. }
    replace (Rpower (1 + gamma) (- (alpha - 1)) / p mode * p y)
      with (Rpower (1 + gamma) (- (alpha - 1)) * (p y / p mode)) by (field; lra).
    apply Rmult_le_compat_r; [left; apply Rdiv_lt_0_compat; assumption|].
    rewrite Rpower_Ropp, <- Rpower_Ropp. unfold Rpower.
    replace (- (alpha - 1) * ln (1 + gamma)) with ((alpha - 1) * ln (/ (1 + gamma))) by (rewrite ln_Rinv; [ring|lra]).
    destruct (Req_dec alpha 1) as [->|na].
    { replace ((1 - 1) * ln (p y / p mode)) with ((1 - 1) * ln (/ (1 + gamma))) by ring. lra. }
    assert (le : p y / p mode <= / (1 + gamma)).
    { apply Rmult_le_reg_r with (p mode); [exact pm|]. assert (g := gap y hy ne).
      replace (p y / p mode * p mode) with (p y) by (field; lra).
      replace (/ (1 + gamma) * p mode) with (p mode / (1 + gamma)) by (field; lra). exact g. }
    assert (0 < p y / p mode) by (apply Rdiv_lt_0_compat; assumption).
    assert (ln (p y / p mode) <= ln (/ (1 + gamma))).
    { destruct le as [lt|eq]; [left; apply ln_increasing; assumption|rewrite eq; lra]. }
    assert (e : (alpha - 1) * ln (p y / p mode) <= (alpha - 1) * ln (/ (1 + gamma)))
      by (apply Rmult_le_compat_l; lra).
    destruct e as [lt|eq]; [left; apply exp_increasing, lt|rewrite eq; lra].
Qed.

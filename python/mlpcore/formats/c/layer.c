/* @ relu */
static real phi_relu(real z) { return z < 0.0 ? 0.0 : z; }

/* @ leaky_relu */
static real phi_leaky_relu(real z) { return z < 0.0 ? z * 0.01 : z; }

/* @ elu: expm1 */
static real phi_elu(real z) { return z < 0.0 ? exp_x_minus_1(z) : z; }

/* @ selu: expm1 */
/* The scale, and its product with alpha (Klambauer et al. 2017). */
/* @float32 */
#define SELU_SCALE 0x1.0cfabep0
#define SELU_SCALE_ALPHA 0x1.c212ccp0
/* @float64 */
#define SELU_SCALE 0x1.0cfabd6a91132p0
#define SELU_SCALE_ALPHA 0x1.c212cc640f03p0
/* @both */
static real phi_selu(real z) {
  return z < 0.0 ? exp_x_minus_1(z) * SELU_SCALE_ALPHA : z * SELU_SCALE;
}

/* @ softmax: exp */
/* @float32 */
#define LANES 16
/* @float64 */
#define LANES 8
/* @both */
/* e^(z - m), with what rounding took from z - m put back. */
static real exp_of_difference(real z, real m) {
  const real d = z - m;
  const real minus_m = d - z;
  const real lo = (z - (d - minus_m)) - (minus_m + m);
  const real e = phi_exp(d);
  return fma(e, lo == lo ? lo : 0.0, e);
}

/* Column j is added in lane j mod LANES, which keeps what its additions round away
   (Knuth 1969); the lanes are added by a tree. NaN and +inf make the row NaN. */
static void softmax(real *y, size_t n) {
  real sum[LANES] = {0.0}, lost[LANES] = {0.0}, most = -INFINITY;
  size_t half, j;
  for (j = 0; j < n; ++j) most = y[j] > most ? y[j] : most;
  for (j = 0; j < n; ++j) {
    const real e = exp_of_difference(y[j], most);
    const real before = sum[j % LANES], after = before + e;
    const real added = after - before;
    lost[j % LANES] += (before - (after - added)) + (e - added);
    sum[j % LANES] = after;
    y[j] = e;
  }
  for (half = LANES / 2; half > 0; half /= 2) {
    for (j = 0; j < half; ++j) {
      sum[j] += sum[j + half];
      lost[j] += lost[j + half];
    }
  }
  if (n > LANES && lost[0] == lost[0]) sum[0] += lost[0];
  sum[0] += most - most;
  for (j = 0; j < n; ++j) y[j] = y[j] / sum[0];
}

/* @ dense */
/* y = x W + b: one chain of fused multiply-adds, from b. */
static void dense(real *restrict y, const real *restrict x, const real *restrict w,
                  const real *restrict b, size_t n_in, size_t n_out) {
  size_t i, j;
  for (j = 0; j < n_out; ++j) y[j] = b[j];
  for (i = 0; i < n_in; ++i) {
    for (j = 0; j < n_out; ++j) y[j] = fma(x[i], w[i * n_out + j], y[j]);
  }
}

/* @ dense_in_blocks */
/* y = x W + b: blocks of 256 terms, each one chain of fused multiply-adds, the first from
   b; the blocks' sums are added in order. */
static void dense(real *restrict y, const real *restrict x, const real *restrict w,
                  const real *restrict b, size_t n_in, size_t n_out) {
  real chain[WIDEST_CHAIN];
  size_t begin, i, j;
  for (j = 0; j < n_out; ++j) y[j] = b[j];
  for (begin = 0; begin < n_in; begin += 256) {
    const size_t end = n_in - begin < 256 ? n_in : begin + 256;
    real *restrict to = begin == 0 ? y : chain;
    for (j = 0; begin > 0 && j < n_out; ++j) chain[j] = 0.0;
    for (i = begin; i < end; ++i) {
      for (j = 0; j < n_out; ++j) to[j] = fma(x[i], w[i * n_out + j], to[j]);
    }
    for (j = 0; begin > 0 && j < n_out; ++j) y[j] += chain[j];
  }
}

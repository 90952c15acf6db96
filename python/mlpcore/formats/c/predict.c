
void ${name}_predict(const $real *x, $real *y) {
$body
}

void ${name}_predict_n(const $real *x, $real *y, size_t n) {
  size_t row;
  for (row = 0; row < n; ++row) {
    ${name}_predict(x + row * ${NAME}_N_IN, y + row * ${NAME}_N_OUT);
  }
}

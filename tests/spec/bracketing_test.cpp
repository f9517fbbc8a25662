// Every bracketing of a list of transitions, evaluated by compose, is the list's summary.
#include "spec/bracketing.hpp"

#include "spec/scalar_affine.hpp"
#include "tests/spec/support.hpp"

namespace exactscan::spec::test {
namespace {

template <class T>
using Affine = ScalarAffineTransition<T>;

Bracketing draw_bracketing(std::size_t leaves) {
  if (leaves == 1) return Bracketing::leaf();
  const auto earlier = static_cast<std::size_t>(draw_int(1, static_cast<std::int64_t>(leaves) - 1));
  return Bracketing::join(draw_bracketing(earlier), draw_bracketing(leaves - earlier));
}

// All of them: a Catalan number of trees.
std::vector<Bracketing> all_bracketings(std::size_t leaves) {
  if (leaves == 1) return {Bracketing::leaf()};
  std::vector<Bracketing> trees;
  for (std::size_t earlier = 1; earlier < leaves; ++earlier) {
    for (const auto& left : all_bracketings(earlier)) {
      for (const auto& right : all_bracketings(leaves - earlier))
        trees.push_back(Bracketing::join(left, right));
    }
  }
  return trees;
}

// Transition i is {one letter, another letter}: the most general list of its length over the free semiring.
std::vector<Affine<WordSum>> generic_list(std::size_t count) {
  std::vector<Affine<WordSum>> list;
  for (std::size_t i = 0; i < count; ++i) {
    const auto offset = static_cast<char>(i);
    list.push_back({WordSum::word(std::string(1, static_cast<char>('a' + offset))),
                    WordSum::word(std::string(1, static_cast<char>('A' + offset)))});
  }
  return list;
}

template <class T>
class EveryBracketing : public testing::Test {};
TYPED_TEST_SUITE(EveryBracketing, AllSemirings, NumberName);

TYPED_TEST(EveryBracketing, evaluates_to_the_summary) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    std::vector<Affine<T>> list;
    for (auto count = draw_int(1, 9); count > 0; --count) list.push_back({draw<T>(), draw<T>()});
    const Bracketing tree = draw_bracketing(list.size());
    require(evaluate<Affine<T>>(tree, list) == summarize_scalar_affine<T>(list), to_string(tree));
  }));
}

// In the free semiring with one letter a coefficient, equality is equality in every semiring: for lists of up
// to seven items this is the theorem itself, and no sample of it.
TEST(Bracketing, all_trees_of_up_to_seven_leaves_over_free_letters) {
  for (std::size_t leaves = 1; leaves <= 7; ++leaves) {
    const auto list = generic_list(leaves);
    const auto summary = summarize_scalar_affine<WordSum>(list);
    const auto trees = all_bracketings(leaves);
    for (const auto& tree : trees)
      EXPECT_EQ(evaluate<Affine<WordSum>>(tree, list), summary) << to_string(tree);
  }
  EXPECT_EQ(all_bracketings(7).size(), 132U);
}

// The words notice each mistake that the test above is for.
TEST(Bracketing, free_letters_detect_wrong_combinations) {
  using T = Affine<WordSum>;
  const auto list = generic_list(3);
  const auto summary = summarize_scalar_affine<WordSum>(list);
  const Bracketing tree = Bracketing::balanced(3);
  const auto differs = [&](auto combine) { return !(evaluate<T>(tree, list, combine) == summary); };
  EXPECT_FALSE(differs([](const T& t2, const T& t1) { return compose(t2, t1); }));
  EXPECT_TRUE(differs([](const T& t2, const T& t1) { return compose(t1, t2); }));
  EXPECT_TRUE(differs([](const T& t2, const T& t1) { return T{t1.a * t2.a, t2.a * t1.b + t2.b}; }));
  EXPECT_TRUE(differs([](const T& t2, const T& t1) { return T{t2.a * t1.a, t1.b * t2.a + t2.b}; }));
  EXPECT_TRUE(differs([](const T& t2, const T& t1) { return T{t2.a * t1.a, t2.a * t1.b}; }));
  EXPECT_TRUE(differs([](const T&, const T& t1) { return t1; }));
}

TEST(Bracketing, shapes) {
  EXPECT_EQ(to_string(Bracketing::sequential(4)), "(((0 1) 2) 3)");
  EXPECT_EQ(to_string(Bracketing::balanced(5)), "((0 1) (2 (3 4)))");
  EXPECT_EQ(Bracketing::balanced(5).leaves(), 5U);
  EXPECT_THROW(Bracketing::sequential(0), std::invalid_argument);
  EXPECT_THROW(evaluate<Affine<WordSum>>(Bracketing::leaf(), generic_list(2)), std::invalid_argument);
}

}  // namespace
}  // namespace exactscan::spec::test

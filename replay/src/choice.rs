//! A choice among a few words: an enum with a word for each variant, the first of them the default.

/// Makes an enum of a table of variants and their words, the first the default. What reads an assumption is
/// [`assumption_set!`](crate::assumption_set), which takes such an enum as `{ choice Name }`.
#[macro_export]
macro_rules! choice {
    (
        $(#[$meta:meta])* $vis:vis enum $choice:ident {
            $(#[$of_first:meta])* $first:ident = $first_word:literal,
            $( $(#[$of:meta])* $variant:ident = $word:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        $vis enum $choice {
            $(#[$of_first])* #[default] $first,
            $( $(#[$of])* $variant, )+
        }

        impl $choice {
            /// Every word, the default first.
            pub const WORDS: &'static [&'static str] = &[$first_word, $($word),+];

            /// Its word in `assumptions.toml`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    Self::$first => $first_word,
                    $( Self::$variant => $word, )+
                }
            }

            /// Reads its word; `None` for any other.
            pub fn of(word: &str) -> Option<Self> {
                match word {
                    $first_word => Some(Self::$first),
                    $( $word => Some(Self::$variant), )+
                    _ => None,
                }
            }
        }
    };
}

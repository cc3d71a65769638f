//! Texts in Spanish: the commonest missing accents, and English where Spanish belongs.

use proc_macro2::{TokenStream, TokenTree};

/// Words that are neither Spanish nor English. Those that end in `cion` are found by their ending.
const UNACCENTED: &str = "\
    ademas algun ano anos aqui asi atendio caracter cedula codigo codigos cumplio despues dia dias digito \
    digitos economica electronico especifico estan fallo hara imagenes invalida invalido limite limites linea \
    lineas llego mas maxima maximo mayuscula mayusculas medica medicas medico medicos metodo metodos metricas \
    minima minimo minuscula minusculas ningun numero numeros pagina paginas pais parametro parametros podra \
    proximo publico razon segun sera tambien tardo telefono transito ultima ultimo unica unico vacia vacio \
    valida validas valido validos";
/// Words that lack an accent in a Spanish text. They are English words, too.
const UNACCENTED_IN_SPANISH: &str = "conexion decision expresion region revision sesion version";
const SPANISH: &str = "con de debe del el es la las los para por que un una";
const ENGLISH: &str = "and are each how is it its not of only that the this what when which who whose with";

/// Returns the words of a text that lack an accent. Names of the contract are exact: those in backticks or «…», and those
/// with `-`, `_` or `/`.
pub fn unaccented(text: &str) -> Vec<String> {
    let words = words(text);
    let is_spanish = words.iter().any(|word| is_in(SPANISH, word));
    let is_unaccented = |word: &&String| {
        is_in(UNACCENTED, word) || word.ends_with("cion") || (is_spanish && is_in(UNACCENTED_IN_SPANISH, word))
    };
    words.iter().filter(is_unaccented).cloned().collect()
}

/// Returns the English words of a text.
pub fn english(text: &str) -> Vec<String> {
    words(text).into_iter().filter(|word| is_in(ENGLISH, word)).collect()
}

fn is_in(list: &str, word: &str) -> bool {
    list.split(' ').any(|one| one == word)
}

fn words(text: &str) -> Vec<String> {
    let mut prose = String::new();
    for (place, part) in text.split('`').enumerate().filter(|(place, _)| place % 2 == 0) {
        prose += if place == 0 { "" } else { " x " };
        for quoted in part.split('«') {
            prose += quoted.rsplit('»').next().unwrap_or_default();
        }
    }
    let words =
        prose.split_whitespace().map(|word| word.trim_matches([',', '.', ';', ':', '(', ')', '!', '¡', '?', '¿']));
    words.filter(|word| word.chars().all(char::is_alphabetic)).map(str::to_lowercase).collect()
}

/// Returns the string literals of a file that are sentences, without those of its docs and its tests.
pub fn sentences(tokens: TokenStream) -> Vec<String> {
    let (mut found, tokens) = (Vec::new(), tokens.into_iter().collect::<Vec<_>>());
    let is_ident = |at: usize, name: &str| matches!(tokens.get(at), Some(TokenTree::Ident(ident)) if ident == name);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => {
                let is_doc =
                    matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(ident)) if ident == "doc");
                let is_test = at >= 2 && is_ident(at - 2, "mod") && is_ident(at - 1, "tests");
                if !is_doc && !is_test {
                    found.extend(sentences(group.stream()));
                }
            }
            TokenTree::Literal(literal) => match syn::Lit::new(literal.clone()) {
                syn::Lit::Str(text) if text.value().contains(' ') => found.push(text.value()),
                _ => {}
            },
            _ => {}
        }
    }
    found
}

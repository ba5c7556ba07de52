//! The providers' lists of models, and comparison of models' names. Pure.
//!
//! Sources: see the parent module.

use super::plain_name;
use serde_json::Value;
use v2m_ipc::llm::Provider;

/// Returns the path of the list of models after the base URL. Requesting it costs nothing.
pub fn path(provider: Provider) -> &'static str {
    match provider {
        Provider::Gemini => "/v1beta/models?pageSize=1000",
        Provider::Ollama => "/api/tags",
        Provider::OpenAi => "/models",
    }
}

/// Returns the models in such a list that can write text. `None` if it is not such a list.
pub fn names(provider: Provider, list: &Value) -> Option<Vec<String>> {
    let (entries, name) = match provider {
        Provider::Gemini | Provider::Ollama => ("models", "name"),
        Provider::OpenAi => ("data", "id"),
    };
    let writes = |model: &&Value| match model["supportedGenerationMethods"].as_array() {
        Some(methods) => methods.iter().any(|method| method == "generateContent"),
        None => true,
    };
    let models = list[entries].as_array()?.iter().filter(writes);
    let names = models.filter_map(|model| Some(plain_name(model[name].as_str()?).to_owned()));
    Some(names.collect())
}

/// Whether both names mean the same model. Gemini's names may have a folder before them. Ollama's
/// names without a tag mean `latest`.
pub fn same(provider: Provider, one: &str, other: &str) -> bool {
    let whole = |name: &str| {
        let name = plain_name(name);
        let untagged = provider == Provider::Ollama && !name.contains(':');
        format!("{name}{}", if untagged { ":latest" } else { "" })
    };
    whole(one) == whole(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_of_models_are_read() {
        for (provider, list, expected) in [
            (
                Provider::OpenAi,
                json!({"object": "list", "data": [{"id": "a"}, {"id": "b"}]}),
                vec!["a", "b"],
            ),
            (
                Provider::Ollama,
                json!({"models": [{"name": "qwen:latest", "size": 5}]}),
                vec!["qwen:latest"],
            ),
            (
                Provider::Gemini,
                json!({"models": [
                    {"name": "models/gemini-x", "supportedGenerationMethods": ["generateContent", "countTokens"]},
                    {"name": "models/embedding", "supportedGenerationMethods": ["embedContent"]},
                ]}),
                vec!["gemini-x"],
            ),
        ] {
            let names = names(provider, &list).unwrap();
            assert_eq!(names, expected);
        }
        assert_eq!(names(Provider::OpenAi, &json!({"x": 1})), None);
    }

    #[test]
    fn a_model_may_have_two_names() {
        use Provider::{Gemini, Ollama, OpenAi};
        assert!(same(Ollama, "qwen", "qwen:latest") && same(Gemini, "models/g", "g"));
        assert!(!same(Ollama, "qwen:7b", "qwen:latest"));
        assert!(!same(OpenAi, "m", "m:latest"));
    }
}

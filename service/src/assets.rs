//! The style sheet and the scripts, all of them in the program: a page loads nothing from elsewhere.

/// A file that pages load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asset {
    /// Its name below `/assets/`.
    pub(crate) name: &'static str,
    /// What a browser is told of it.
    pub(crate) content_type: &'static str,
    /// What is in it, one part after the other.
    pub(crate) parts: &'static [&'static str],
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// Every file there is.
const ASSETS: [Asset; 4] = [
    Asset {
        name: "style.css",
        content_type: CSS,
        parts: &[
            reports::STYLE,
            "\n",
            include_str!("../templates/service.css"),
            include_str!("../vendor/uplot-1.6.32/uPlot.min.css"),
        ],
    },
    Asset { name: "htmx.js", content_type: JS, parts: &[include_str!("../vendor/htmx-2.0.11/htmx.min.js")] },
    Asset { name: "uplot.js", content_type: JS, parts: &[include_str!("../vendor/uplot-1.6.32/uPlot.iife.min.js")] },
    Asset { name: "app.js", content_type: JS, parts: &[include_str!("../assets/app.js")] },
];

/// A file by its name.
pub(crate) fn find(name: &str) -> Option<Asset> {
    ASSETS.into_iter().find(|asset| asset.name == name)
}

#[cfg(test)]
mod tests {
    #[test]
    fn scripts_of_others_are_what_the_readme_says_and_come_with_their_licence() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/vendor");
        let readme = include_str!("../vendor/README.md");
        let mut seen = 0;
        for line in readme.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<_> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
            let path = std::path::Path::new(folder).join(cells[1]);
            let content = std::fs::read(&path).unwrap();
            assert_eq!(content.len().to_string(), cells[3], "{line}");
            assert_eq!(lake::digest(&content), cells[4], "{line}");
            assert!(path.with_file_name("LICENSE").exists(), "{line}");
            assert!(content.len() < 60_000, "small enough to be read on a slow line: {line}");
            seen += 1;
        }
        assert_eq!(seen, 3);
        // What lies there is told of, and nothing else lies there.
        for entry in
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()).filter(|entry| entry.path().is_dir())
        {
            for file in std::fs::read_dir(entry.path()).unwrap().map(|file| file.unwrap().file_name()) {
                let name = format!("{}/{}", entry.file_name().display(), file.display());
                assert!(file == "LICENSE" || readme.contains(&format!("`{name}`")), "{name}");
            }
        }
    }
}

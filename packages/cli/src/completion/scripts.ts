export const COMPLETION_SHELLS = ["bash", "zsh", "fish", "powershell"] as const;
export type CompletionShell = (typeof COMPLETION_SHELLS)[number];

export function isCompletionShell(text: string): text is CompletionShell {
  return (COMPLETION_SHELLS as readonly string[]).includes(text);
}

/**
 * A script that asks `mk __complete -- <words>` at each Tab. The answer is one candidate a line, `value<TAB>description`; the last of the
 * words is the one being typed, empty (or `""`) for a new one. A last line `:files` asks the shell for file names.
 */
export function completionScript(shell: CompletionShell): string {
  return SCRIPTS[shell];
}

const SCRIPTS: Readonly<Record<CompletionShell, string>> = {
  // COMP_WORDS splits at = and :, which candidates contain: the line is split at blanks instead, and what bash will not replace is cut off.
  bash: `# bash completion for mk; load it with: source <(mk completion bash)
_mk() {
  local line="\${COMP_LINE:0:COMP_POINT}" answer value word prefix
  local -a words
  read -r -a words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  word="\${words[\${#words[@]}-1]}"
  prefix="\${word%"\${COMP_WORDS[COMP_CWORD]}"}"
  [[ "\${COMP_WORDS[COMP_CWORD]}" == [=:] ]] && prefix="$word"
  COMPREPLY=()
  while IFS= read -r answer; do
    value="\${answer%%$'\\t'*}"
    if [[ "$value" == ":files" ]]; then
      compopt -o default 2>/dev/null
    else
      [[ "$value" == */ || "$value" == *= || "$value" == *: ]] && compopt -o nospace 2>/dev/null
      COMPREPLY+=("\${value#"$prefix"}")
    fi
  done < <(mk __complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _mk mk
`,
  zsh: `#compdef mk
# zsh completion for mk; load it with: source <(mk completion zsh)
_mk() {
  local answer value
  local -a described open
  while IFS= read -r answer; do
    if [[ "$answer" == ":files" ]]; then
      _files
    else
      value="\${answer%%$'\\t'*}"
      answer="\${value//:/\\\\:}\${\${answer#$value}/#$'\\t'/:}"
      [[ "$value" == *[/=:] ]] && open+=("$answer") || described+=("$answer")
    fi
  done < <(mk __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#described} )) && _describe -V 'mk' described
  # More is to be typed behind these: no blank.
  (( \${#open} )) && _describe -V 'mk' open -S ''
}
if [[ "\${funcstack[1]}" == "_mk" ]]; then _mk "$@"; else compdef _mk mk; fi
`,
  fish: `# fish completion for mk; load it with: mk completion fish | source
function __mk_complete
  set -l words (commandline -opc) (commandline -ct)
  for answer in (mk __complete -- $words[2..-1] 2>/dev/null)
    if test "$answer" = ":files"
      __fish_complete_path (commandline -ct)
    else
      echo $answer
    end
  end
end
complete -c mk -f -a '(__mk_complete)'
`,
  powershell: `# PowerShell completion for mk; load it with: mk completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName mk -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
    Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
  # Windows PowerShell drops an empty argument; mk takes "" for one.
  $words += if ($wordToComplete -eq '') { '""' } else { $wordToComplete }
  mk __complete '--' @words 2>$null | Where-Object { $_ -ne ':files' } | ForEach-Object {
    $value, $description = $_ -split "\`t", 2
    if (-not $description) { $description = $value }
    [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $description)
  }
}
`,
};
